_eosctl_completion() {
    # bash takes = and : for the ends of words, eosctl does not: -p group=orders is one word.
    local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} count=$COMP_CWORD word="" words
    if [[ $line != *[\"\'\\]* ]]; then
        read -ra words <<< "$line"
        [[ $line == *[[:space:]] ]] && words+=("")
        count=$((${#words[@]} - 1)) word=${words[count]}
    else
        line="${COMP_WORDS[*]}"
    fi
    IFS=$'\n'
    COMPREPLY=( $( env COMP_WORDS="$line" COMP_CWORD=$count _EOSCTL_COMPLETE=complete_bash $1 ) )
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
    [[ $word == *[=:]* ]] && COMPREPLY=( "${COMPREPLY[@]#"${word%"${word##*[=:]}"}"}" )
    return 0
}

complete -o default -F _eosctl_completion eosctl
