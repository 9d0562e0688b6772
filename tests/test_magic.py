"""`%stream` and `%%stream`, in a real IPython shell."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from chat_server import BOUND, Scripted, started
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import tokenwidgets as tw
from tokenwidgets import completion, magic, prompt
from tokenwidgets.magic import StreamMagics
from tokenwidgets.measurement import Measurement
from tokenwidgets.rounds import Turn

FAST = "-o ttft_ms 1 -o itl_ms 1 -o tokens 12"
KEY = "sk-planted-1234567890abcdef"


class Shell:
    """A shell, and what it printed since it was asked last."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self._capsys = capsys
        self.out = self.err = ""

    def run(self, cell: str) -> Any:
        done = self.shell.run_cell(cell, store_history=True)
        self.out, self.err = self._capsys.readouterr()
        self.failed = done.error_in_exec or done.error_before_exec
        return done.result

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def refused(self, cell: str) -> str:
        """The one line of a cell that is refused."""
        self.run(cell)
        assert self.failed is not None, self.out
        text = (self.out + self.err).strip()
        assert "\n" not in text, text
        assert "Traceback" not in text
        return text


@pytest.fixture
def bare(in_process: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr(completion, "_asked", None)
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}}))
    yield Shell(shell, capsys)
    InteractiveShell.clear_instance()


@pytest.fixture
def shell(bare: Shell) -> Shell:
    bare.run("%load_ext tokenwidgets")
    return bare


@pytest.fixture
def server(bare: Shell) -> Iterator[Scripted]:
    """The host `scripted`, which is the default model's."""
    with Scripted(["Yes", "."]).running() as server:
        server.configure()
        path = tw.api.gateway().hub.registry.config().path
        path.write_text('default_model = "scripted/m"\n' + path.read_text())
        yield server


def sent(server: Scripted, call: int = -1) -> str:
    """The prompt that reached the host."""
    return server.calls[call][2]["messages"][-1]["content"]


# ---- loading


def test_loading_is_silent(bare):
    bare.run("%load_ext tokenwidgets")
    assert (bare.out, bare.err) == ("", "")
    assert "stream" in bare.shell.magics_manager.magics["cell"]


def test_unloading_takes_everything_away(shell):
    shell.run("%unload_ext tokenwidgets")
    assert (shell.out, shell.err) == ("", "")
    assert "stream" not in shell.shell.magics_manager.magics["line"]
    assert "stream" not in shell.shell.magics_manager.magics["cell"]
    assert "sim/steady" not in completed(shell, "%%stream si")
    shell.run("%load_ext tokenwidgets")
    shell.run("%config StreamMagics.model = 'sim/bursty'")
    assert shell.run(f"%%stream {FAST}\nWhy?").model == "sim/bursty"


# ---- asking


def test_a_cell(shell):
    result = shell.run(f"%%stream sim/steady {FAST}\nWhy is\nthe sky blue?\n")
    assert isinstance(result, tw.Result)
    assert result.request["messages"] == [{"role": "user", "content": "Why is\nthe sky blue?"}]
    assert result.text in shell.out
    assert "12 tok" in shell.err
    assert shell["_"] is result
    assert shell.failed is None


def test_one_line(shell, server):
    assert shell.run("%stream Why is the sky blue?").text == "Yes."
    assert sent(server) == "Why is the sky blue?"


@pytest.mark.parametrize("model", ["sim/bursty", "sim:bursty"])
def test_one_line_with_a_model_and_options(shell, model):
    result = shell.run(f"%stream {model} {FAST} Why?")
    assert (result.model, result.request["messages"][0]["content"]) == ("sim/bursty", "Why?")
    result = shell.run(f"%stream {FAST} {model} Why?")
    assert (result.model, result.request["messages"][0]["content"]) == ("sim/bursty", "Why?")
    assert result.metrics.tokens == 12


@pytest.mark.parametrize(
    "line",
    [
        f"sim/steady -T ws -s 'Be brief.' {FAST} --out kept -f text",
        f"-T ws --system='Be brief.' {FAST} --out kept sim/steady --format text",
        f"-m sim/steady {FAST} -Tws -s 'Be brief.' --out=kept -ftext",
        f"{FAST} --model sim:steady --transport ws --system 'Be brief.' --out kept -f text",
    ],
)
def test_options_stand_anywhere(shell, line):
    result = shell.run(f"%%stream {line}\nWhy?")
    assert shell.err.count("\n") == 1, shell.err
    assert (result.model, result.transport, result.request["system"]) == ("sim/steady", "ws", "Be brief.")
    assert shell["kept"] is shell["_"] is result


def test_options_of_the_request_are_typed(shell, server):
    shell.run("""%%stream -o temperature 0.2 -o max_tokens 7 -o stop '["a", "b"]' -o reasoning low -o extra '{"top_k": 3}'\nWhy?""")
    body = server.calls[0][2]
    assert (body["temperature"], body["max_tokens"], body["stop"], body["top_k"]) == (0.2, 7, ["a", "b"], 3)


def test_the_dialect_is_an_option(shell):
    assert shell.run(f"%%stream sim/steady -o dialect openai-chat {FAST}\nWhy?").start.dialect == "openai-chat"


@pytest.mark.parametrize("cell", ["%stream?", "?%stream"])
def test_help_of_ipython_itself(shell, cell):
    shell.run(cell)
    assert "Stream an answer" in shell.out


def test_a_question_mark_ends_a_prompt_and_nothing_else(shell, server):
    shell.run("def f():\n    %stream Who's there?\n\ntext = '''\n%stream no prompt?\n'''\nf()\n")
    assert shell.failed is None
    assert [sent(server, i) for i in range(len(server.calls))] == ["Who's there?"]
    assert "no prompt?" in shell["text"]
    shell.run("len?")
    assert "Return the number of items" in shell.out
    shell.run("%unload_ext tokenwidgets")
    shell.run("%stream Who's there?")
    assert len(server.calls) == 1


# ---- variables


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Hello {name}, you are {age}.", "Hello Ada, you are 36."),
        ("{frame.shape} {rows[0]} {rows[-1]} {table['a b']} {rows[0][1]}", "(2, 3) [1, 2] [3] x 2"),
        ("{nobody} {name.nothing} {rows[9]} {table['no']}", "{nobody} {name.nothing} {rows[9]} {table['no']}"),
        ('{"name": 1, "x": {"y": [1]}} {}', '{"name": 1, "x": {"y": [1]}} {}'),
        ("p {color: red} {{name}} {name!r} {age:>5} {age + 1} {name()}", "p {color: red} {Ada} {name!r} {age:>5} {age + 1} {name()}"),
        ("$name ${name} $5 $(ls)", "$name $Ada $5 $(ls)"),
        ("{größe} {broken}", "12 {broken}"),
    ],
)
def test_braces(shell, server, typed, meant):
    shell.run("""
class Broken:
    def __str__(self): raise RuntimeError
class Frame: shape = (2, 3)
name, age, rows, table, frame, broken, größe = "Ada", 36, [[1, 2], [3]], {"a b": "x"}, Frame(), Broken(), 12
""")
    shell.run(f"%%stream\n{typed}")
    assert sent(server) == meant
    shell.run(f"%stream -- {typed}")
    assert sent(server) == meant
    shell.run(f"%%stream --raw\n{typed}")
    assert sent(server) == typed


def test_nothing_is_evaluated():
    assert prompt.fill("{a.__class__} {a[0:1]} {a[b]} {a['x'", {"a": "x", "b": 0}) == "<class 'str'> {a[0:1]} {a[b]} {a['x'"


def test_braces_and_dollars_of_the_line_stay(shell, server):
    shell.run("name = 'Ada'")
    shell.run("%%stream -s 'Cost: $name {name}'\nWhy?")
    assert server.calls[0][2]["messages"][0]["content"] == "Cost: $name {name}"


# ---- conversations


def test_continue_sends_the_earlier_turns(shell, server):
    shell.run("%%stream scripted/m -s 'Be brief.'\nOne?")
    shell.run("%%stream -c\nTwo?")
    shell.run("%stream -c Three?")
    roles = [(m["role"], m["content"]) for m in server.calls[-1][2]["messages"]]
    assert roles == [
        ("system", "Be brief."),
        ("user", "One?"),
        ("assistant", "Yes."),
        ("user", "Two?"),
        ("assistant", "Yes."),
        ("user", "Three?"),
    ]


def test_continue_leaves_out_a_turn_that_failed(shell, server):
    shell.run("%%stream\nOne?")
    server.status = 500
    shell.run("%%stream -c\nTwo?")
    server.status = 200
    shell.run("%%stream -c\nThree?")
    assert [m["content"] for m in server.calls[-1][2]["messages"]] == ["One?", "Yes.", "Three?"]


def test_continue_waits_for_what_still_runs(shell, server):
    server.hold = threading.Event()
    shell.run("%%stream --background\nOne?")
    threading.Thread(target=lambda: (shell["_"].wait(0.05), server.hold.set())).start()
    shell.run("%%stream -c\nTwo?")
    assert [m["content"] for m in server.calls[-1][2]["messages"]] == ["One?", "Yes.", "Two?"]


def test_continue_without_a_beginning(shell):
    assert "no conversation" in shell.refused("%%stream -c\nTwo?")


def test_continue_keeps_tools_calls_and_pictures(shell, tmp_path):
    (tmp_path / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    shell.run('def look(place: str) -> str:\n    """Look somewhere."""\n    return "a cat"\npicture = b"GIF89a..."')
    turn = shell.run(f"%%stream sim/tool-caller {FAST} --tool look --image '{tmp_path}/cat.png' --image picture --out kept\nWhat is there?")
    assert isinstance(turn, tw.Turn)
    assert shell["kept"] is turn
    assert [call.result for call in turn.calls] == ["a cat"]
    assert 'look(place="' in shell.err
    assert turn.text in shell.out
    again = shell.run(f"%stream -c {FAST} And now?")
    sent = again.results[0].request["messages"]
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert [p["type"] for p in sent[0]["content"]] == ["image_url", "image_url", "text"]
    assert again.results[0].request["tools"][0]["function"]["description"] == "Look somewhere."
    assert len(again.calls) == 1
    assert isinstance(shell.run(f"%%stream sim/steady {FAST}\nWhy?"), tw.Result), "a new conversation has no tools"


# ---- ways to run


def test_background_returns_at_once(shell):
    result = shell.run("%%stream sim/steady --background -o ttft_ms 600000 --out later\nWhy?")
    assert not result.done
    assert shell["later"] is result
    result.stop()


def test_record(shell, tmp_path):
    result = shell.run(f"%%stream sim/steady {FAST} --record '{tmp_path / 'run.jsonl'}'\nWhy?")
    again = shell.run(f"%stream replay {tmp_path / 'run.jsonl'} 1000")
    assert again.text == result.text
    assert result.text in shell.out
    assert "no folder" in shell.refused(f"%%stream sim/steady --record '{tmp_path}/nowhere/run.jsonl'\nWhy?")
    assert "gone.jsonl" in shell.refused("%stream replay gone.jsonl")


def test_an_interrupt_keeps_what_came_and_is_one_line(tmp_path):
    program = """
import os, signal, threading, tokenwidgets as tw
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"colors": "nocolor"}}))
shell.run_cell("%load_ext tokenwidgets")
def interrupt():
    while not tw.streams() or not tw.streams()[-1]["text"]:
        pass
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
cell = "%%stream sim/steady -o ttft_ms 1 -o itl_ms 5 -o tokens 20000 --out kept\\nWhy?"
done = shell.run_cell(cell, store_history=True)
print("####", type(done.error_in_exec).__mro__[1].__name__)
r = shell.user_ns["_"]
print(r is shell.user_ns["kept"] is shell.user_ns["Out"][1], r.finish_reason, bool(r.text))
"""
    process = started("-c", program, env={**os.environ, "IPYTHONDIR": str(tmp_path)})
    out, err = process.communicate(timeout=BOUND)
    shown, _, after = out.partition("####")
    assert after == " KeyboardInterrupt\nTrue cancelled True\n", (out, err)
    last = shown.rstrip().splitlines()[-1]
    assert last.startswith("Interrupted: the stream was stopped after ")
    assert "Traceback" not in out + err
    assert "stopped at token" in err


# ---- sub-commands


@pytest.mark.parametrize(
    "line",
    [
        "list the planets",
        "-- list",
        "hosts are nice",
        "help me",
        "config is hard",
        "alias me",
        "replay that game",
        "-- hosts",
        "doctor who?",
    ],
)
def test_what_only_begins_like_a_command_is_a_prompt(shell, server, line):
    shell.run(f"%stream {line}")
    assert sent(server) == line.removeprefix("-- ")


def test_list(shell):
    shell.run("%stream list")
    assert "sim/steady" in shell.out
    assert "USD" not in shell.out, "a column of which nothing is known is left out"


def test_list_of_some(shell):
    shell.run("%stream list SIM/BURST")
    assert [line.split()[0] for line in shell.out.strip().splitlines()] == ["model", "sim/bursty"]


def test_hosts(shell, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    shell.run("%stream hosts")
    assert "OPENAI_API_KEY" in shell.out
    assert "missing: set DEEPSEEK_API_KEY" in shell.out
    assert "stopping ends the bill" in shell.out
    for words in ("not documented", "depends on who answers", "no bill"):
        assert words in shell.out
    assert KEY not in shell.out


def test_doctor(shell):
    shell.run("%stream doctor")
    assert "versions" in shell.out


@pytest.mark.parametrize("line", ["%stream", "%stream help", "%stream --help", "%stream -h", "%%stream --help\nbody"])
def test_help(shell, line):
    shell.run(line)
    assert "%%stream [MODEL] [options]" in shell.out
    options = "--transport --option KEY VALUE --continue --tool NAME --image WHAT --record --background --raw --out --format --system"
    for option in options.replace(" --", "|--").split("|"):
        assert option in shell.out
    assert shell.failed is None


def test_alias(shell):
    shell.run("%stream alias fast sim/bursty")
    assert "fast is sim/bursty" in shell.out
    assert shell.run(f"%%stream fast {FAST}\nWhy?").model == "sim/bursty"
    assert shell.run(f"%stream fast {FAST} Why?").model == "sim/bursty"
    shell.run("%stream alias")
    assert "fast" in shell.out
    assert "cannot be an alias" in shell.refused("%stream alias a.b sim/bursty")


def test_config_shows_where_it_stands(shell, tmp_path):
    shell.run("%stream config")
    assert str(tmp_path / "tokenwidgets.toml") in shell.out


def test_config_key_is_written_and_never_shown(shell, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("tokenwidgets.commands.getpass", lambda text: asked.append(text) or KEY)
    shell.run("%stream config key openai")
    assert "openai" in asked[0]
    assert KEY not in shell.out + shell.err
    assert "tored" in shell.out
    file = tmp_path / "config" / "keys.toml"
    assert KEY in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    shell.run("%stream hosts")
    shell.run("%stream config")
    assert KEY not in shell.out
    assert KEY not in repr(tw.hosts()) + repr(shell.shell.user_ns.get("In"))


def test_config_key_without_a_key(shell, monkeypatch):
    monkeypatch.setattr("tokenwidgets.commands.getpass", lambda text: "  ")
    assert "No key" in shell.refused("%stream config key openai")


def test_a_key_on_the_line_is_sent_nowhere(shell, server):
    assert KEY not in shell.refused(f"%stream config key openai {KEY}")
    assert "did you mean openai" in shell.refused("%stream config key opnai")
    assert server.calls == []


# ---- mistakes


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%stream -T pigeon sim/steady\nWhy?", "invalid choice: 'pigeon'"),
        ("%%stream --transprot ws\nWhy?", "--transprot"),
        ("%%stream -o tokens\nWhy?", "-o/--option"),
        ("%%stream sim/steady two\nWhy?", "'two' is too much"),
        ("%%stream -s 'open\nWhy?", "quotation"),
        ("%%stream sim/steady -o show false\nWhy?", "'show' is not an option"),
        ("%%stream sim/steady -o model sim/x\nWhy?", "'model' is not an option"),
        ("%stream and/or", "%stream -- and/or"),
        ("%stream --", "no prompt"),
        ("%stream sim/steady", "no prompt"),
        ("%stream -T ws", "no prompt"),
        ("%%stream sim/steady --out 1bad\nWhy?", "--out names a variable"),
        ("%%stream sim/steady --tool nothing\nWhy?", "there is no function 'nothing'"),
        ("%%stream sim/steady --image nothing.png\nWhy?", "The picture nothing.png cannot be read: no such file"),
        ("%stream replay nope.jsonl", "nope.jsonl cannot be read: no such file"),
        ("%stream replay folder.jsonl", "folder.jsonl cannot be read: is a directory"),
    ],
)
def test_mistakes_are_one_line(shell, cell, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.jsonl").mkdir()
    line = shell.refused(cell)
    assert line.startswith("UsageError: ")
    assert words in line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("opnai/gpt-5.2", "did you mean openai"),
        ("sim/stedy", "sim/steady"),
        ("sim/steady -o tokns 3", "did you mean 'tokens'"),
        ("sim/steady -o tokens many", "'tokens' is a whole number"),
        ("openai/gpt-5.2", "%stream config key openai"),
    ],
)
def test_what_is_refused_is_one_line_too(shell, line, words):
    shell.run(f"%%stream {line}\nWhy?")
    text = shell.err.strip()
    assert words in text
    assert "\n" not in text
    assert "Traceback" not in text + shell.out
    assert shell["_"].error


@pytest.mark.parametrize(
    "text", ["and/or is a word", "google: who are you?", "-5 + 3 = ?", "- a list item", "it's \"quoted", "*bold* 100% a\\b"]
)
def test_prompts_arrive_as_typed(shell, server, text):
    shell.run(f"%stream -- {text}")
    assert sent(server) == text
    if "/" not in text:
        shell.run(f"%stream {text}")
        assert sent(server) == text


def test_defaults_by_config(shell):
    shell.run("%config StreamMagics.model = 'sim/bursty'")
    shell.run("%config StreamMagics.system = 'Be brief.'")
    shell.run("%config StreamMagics.transport = 'sse'")
    result = shell.run(f"%%stream {FAST}\nWhy?")
    assert (result.model, result.request["system"], result.transport) == ("sim/bursty", "Be brief.", "sse")
    assert set(StreamMagics.class_trait_names(config=True)) == {"model", "system", "transport"}


# ---- completion


def completed(shell: Shell, text: str) -> list[str]:
    with provisionalcompleter():
        return [found.text for found in shell.shell.Completer.completions(text, len(text))]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%%stream si", "sim/steady"),
        ("%stream sim/b", "sim/bursty"),
        ("%%stream -m sim/r", "sim/reasoner"),
        ("%%stream --transport w", "webrtc"),
        ("%%stream sim/steady -T ", "sse"),
        ("%%stream --tr", "--transport"),
        ("%%stream sim/steady --b", "--background"),
        ("%%stream -o tem", "temperature"),
        ("%%stream -o itl", "itl_ms"),
        ("%%stream -f j", "json"),
        ("%%stream --tool complete", "completed_by_hand"),
        ("%stream li", "list"),
    ],
)
def test_completion(shell, typed, offered):
    shell.shell.user_ns["completed_by_hand"] = completed
    assert offered in completed(shell, typed)


def test_completion_of_aliases_and_configured_models(shell, tmp_path):
    (tmp_path / "tokenwidgets.toml").write_text(
        '[hosts.h]\nbase_url = "http://127.0.0.1:1/v1"\nmodels = ["own"]\n[aliases]\nquick = "h/own"\n'
    )
    assert "h/own" in completed(shell, "%%stream h/")
    assert "quick" in completed(shell, "%%stream qu")


def test_completion_with_a_broken_configuration_is_silent(shell, tmp_path, capsys):
    (tmp_path / "tokenwidgets.toml").write_text("[")
    assert "sim/steady" in completed(shell, "%%stream si")
    assert capsys.readouterr() == ("", "")


def test_completion_offers_what_hosts_told_before(shell, monkeypatch, server):
    """Also in another process, and while no host can be reached."""
    assert "scripted/m" in tw.models()
    monkeypatch.setattr(completion, "_ask", _fails)
    assert "scripted/m" in completed(shell, "%%stream scr")


async def _fails() -> list[Any]:
    raise OSError


def test_completion_never_waits_for_the_network(shell, monkeypatch):
    """Hosts are asked on another thread, and completion goes on while one does not answer."""
    threads = []
    answer = threading.Event()

    class Slow:
        async def models(self) -> list[dict[str, str]]:
            threads.append(threading.current_thread())
            while not answer.is_set():
                await asyncio.sleep(0.01)
            return [{"id": "far/model"}]

    monkeypatch.setattr(tw.api, "_gateway", Slow())
    assert "sim/steady" in completed(shell, "%%stream si")
    answer.set()
    completion._asked.result(BOUND)
    assert "far/model" in completed(shell, "%%stream far")
    assert threading.current_thread() not in threads


def test_model_names_are_recognised():
    assert magic._names_model("sim/steady")
    assert json.dumps(completion.candidates("%%stream sim/steady ", "")) != "[]"


# ---- comparisons


COMPARED = f"%stream compare Say {{word}} once. -m sim/steady -m sim/bursty {FAST} --runs 1 --seed 5"


def test_compare_takes_what_the_command_takes(shell):
    shell.shell.user_ns["word"] = "hello"
    found = shell.run(COMPARED + " --out c")
    assert shell.failed is None
    assert shell["_"] is shell["c"] is found
    assert [arm.label for arm in found.arms] == ["sim/steady", "sim/bursty"]
    assert {arm.request["prompt"] for arm in found.arms} == {"Say hello once."}
    assert (found.seed, len(found.trials)) == (5, 4)


def test_a_prompt_that_begins_with_compare_is_a_prompt(shell, server):
    shell.run("%stream compare these two: a-b and c")
    assert sent(server) == "compare these two: a-b and c"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-m sim/steady", "A comparison needs two"),
        ("-m sim/steady -m sim/bursty --runs many", "invalid int value"),
        ("-m sim/steady -m sim/bursty --out 1x", "names a variable"),
        ("-m sim/steady -m sim/bursty --save x.json", "unrecognized arguments"),
        (f"-m sim/steady -m sim/bursty -o api_key {KEY}", "No key is given"),
    ],
)
def test_a_comparison_that_is_called_wrongly_is_refused(shell, words, sentence):
    text = shell.refused(f"%stream compare hello {words}")
    assert sentence in text
    assert KEY not in text


def before_it_waits(_):
    while not any(stream["state"] == "running" for stream in tw.streams()):
        pass
    raise KeyboardInterrupt


def test_an_interrupt_before_the_waiting_began_stops_a_comparison_and_keeps_it(shell, monkeypatch):
    monkeypatch.setattr(Measurement, "wait", before_it_waits)
    shell.run("%stream compare hello -m sim/steady -m sim/bursty -o ttft_ms 600000")
    assert isinstance(shell.failed, KeyboardInterrupt)
    assert (shell["_"].done, shell["_"].why) == (True, "it was stopped")


def test_an_interrupt_before_the_waiting_began_stops_a_stream_and_keeps_it(shell, monkeypatch):
    monkeypatch.setattr(Turn, "wait", before_it_waits)
    shell.run("%stream sim/steady -o ttft_ms 600000 Why?")
    assert isinstance(shell.failed, KeyboardInterrupt)
    assert (shell["_"].done, shell["_"].finish_reason) == (True, "cancelled")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("%stream comp", "compare"),
        ("%stream compare hello --ru", "--runs"),
        ("%stream compare hello -m sim/bu", "sim/bursty"),
        ("%stream compare hello --transports sse,w", "ws"),
        ("%stream compare hello --by time_to", "time_to_first_token"),
    ],
)
def test_completion_of_a_comparison(shell, typed, offered):
    assert offered in completed(shell, typed)
