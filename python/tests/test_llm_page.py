"""The page on calls to LLM APIs: what they cost is counted, kept, and told, and no key is written down."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from guide import ROOT, blocks
from patata.testing import LlmServer
from support import environment, free_port

PAGE = ROOT / "docs/how-to/llm-calls.md"


def write_prompts(folder):
    prompts = (
        {"id": f"p{number}", "prompt": f"Write a line about potato {number}."} for number in range(200)
    )
    (folder / "prompts.jsonl").write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts))


def test_prompts_are_asked_within_budgets_summed_and_gone_on_with(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = "\n".join(block.code for block in blocks(PAGE) if block.language == "python")
    scope = {}
    exec(compile(code.replace("8000", str(free_port())), str(PAGE), "exec"), scope)
    with scope["llm"] as llm:
        assert llm.requests == 200
        first, second, *others = capsys.readouterr().out.splitlines()
        # Six words there and back.
        assert first.startswith(f"200 {llm.tokens}.0 tokens of ")
        assert llm.tokens == 200 * 12
        assert second == "200 done before; 0 refused"
        assert others == []


def test_the_program_asks_prompts_within_budgets_and_tells_what_they_have_cost(tmp_path):
    write_prompts(tmp_path)
    (block,) = (block.code for block in blocks(PAGE) if block.language == "sh")
    ask, go_on = block.replace("\\\n", " ").strip().splitlines()
    with LlmServer(requests_per_minute=10_000, tokens_per_minute=2_000_000) as llm:
        commands = [shlex.split(line.replace("http://localhost:8000", llm.url)) for line in (ask, go_on)]
        program = Path(sys.executable).with_name("patata")
        told = [
            subprocess.run(
                [program, *command[1:]],
                cwd=tmp_path,
                env={**environment(), "API_KEY": "secret"},
                check=True,
                capture_output=True,
                text=True,
            ).stderr
            for command in commands
        ]
        assert (llm.requests, llm.refused, llm.tokens) == (200, 0, 200 * 12)
    assert "cost 2,400 tokens (estimated 16,000)" in told[0]
    assert "nothing is left to do" in told[1]
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["costs"]["tokens"] == {"estimated": 16_000, "settled": 2_400}
    assert summary["costs"]["requests"]["settled"] == 200
    assert "2,400 tokens (estimated 16,000)" in (tmp_path / "run/report.html").read_text()
    assert not any(
        "secret" in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )
