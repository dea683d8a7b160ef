"""`python -m rrgbench`: the `rrgbench` command."""

from rrgbench.cli.main import run

if __name__ == "__main__":
    run()
