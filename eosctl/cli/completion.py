"""The shells' completion files: made by Typer for our program, kept in `completions/` (`make completions`)."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

COMPLETE_VAR = "_EOSCTL_COMPLETE"
FILES = {"bash": "eosctl.bash", "zsh": "_eosctl", "fish": "eosctl.fish"}

_BASH = """_eosctl_completion() {
    # bash takes = and : for the ends of words, eosctl does not: -p group=orders is one word.
    local IFS=$' \\t\\n' line=${COMP_LINE:0:COMP_POINT} count=$COMP_CWORD word="" words
    if [[ $line != *[\\"\\'\\\\]* ]]; then
        read -ra words <<< "$line"
        [[ $line == *[[:space:]] ]] && words+=("")
        count=$((${#words[@]} - 1)) word=${words[count]}
    else
        line="${COMP_WORDS[*]}"
    fi
    IFS=$'\\n'
    COMPREPLY=( $( env COMP_WORDS="$line" COMP_CWORD=$count _EOSCTL_COMPLETE=complete_bash $1 ) )
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
    [[ $word == *[=:]* ]] && COMPREPLY=( "${COMPREPLY[@]#"${word%"${word##*[=:]}"}"}" )
    return 0
}

complete -o default -F _eosctl_completion eosctl
"""


def prepare() -> None:
    """Makes Typer answer the shell's question, when it is the shell that calls (its variable is set)."""
    if COMPLETE_VAR in os.environ:
        _typer().completion_init()


def scripts() -> dict[str, str]:
    """Each shell's file by its name. They ask eosctl itself at each Tab, so they never go stale."""
    made = {
        name: _typer().get_completion_script(prog_name="eosctl", complete_var=COMPLETE_VAR, shell=shell)
        for shell, name in FILES.items()
    }
    return {**{name: text.strip() + "\n" for name, text in made.items()}, FILES["bash"]: _BASH}


def _typer() -> Any:
    """Typer's module, which offers both functions and declares neither."""
    return import_module("typer.completion")


if __name__ == "__main__":
    for file, script in scripts().items():
        Path(sys.argv[1], file).write_text(script, encoding="utf-8")
