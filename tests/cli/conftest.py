import pytest

from zoo.cli import main


@pytest.fixture
def zoo_here(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in this process and in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["zoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run
