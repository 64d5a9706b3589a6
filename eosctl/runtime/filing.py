"""Files a report's documents: what was measured or changed is never lost because a file can't be written."""

from dataclasses import replace

from eosctl.core.errors import EosctlError, Notice
from eosctl.core.exit_codes import ExitCode
from eosctl.core.report import Report
from eosctl.ports import Gateways


def filed(gateways: Gateways, report: Report) -> Report:
    """The report, its documents written. One that can't be is an error in it, and exit 1 where it was 0."""
    errors = []
    for document in report.documents:
        try:
            gateways.documents.write(document)
        except EosctlError as error:
            errors.append(Notice(error.code, error.message, error.hint))
    if not errors:
        return report
    code = ExitCode.FAILED if report.exit_code is ExitCode.DONE else report.exit_code
    return replace(report, errors=(*report.errors, *errors), exit_code=code)
