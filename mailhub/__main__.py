"""The command ``mailhub``. Job: hand over to the command line, which loads only what the command needs."""

from mailhub.cli.main import main

if __name__ == "__main__":
    main()
