"""What the system says of this process. It needs nothing, as peers have environments of their own."""


def kilobytes(name: str) -> int:
    """A line of this process's status: VmRSS is its memory now, VmHWM the most it has had."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    raise LookupError(name)
