"""Runs every benchmark: `python -m tests.bench [--json] [--quick]`."""

from tests.bench import booking, pictures, process, slots, tick, waiting_list, workshops
from tests.bench.options import from_command_line, write

BENCHMARKS = (slots, pictures, booking, tick, waiting_list, workshops, process)


def main() -> None:
    options = from_command_line(__doc__, "each benchmark's figures")
    for benchmark in BENCHMARKS:
        write(f"{benchmark.__name__}:")
        benchmark.run(options)


if __name__ == "__main__":
    main()
