"""``python -m secure_access.custodian``: the custodian's commands, in a process that loads no portal."""

from secure_access.custodian.cli import custodian

if __name__ == "__main__":
    custodian(prog_name="assay custodian")
