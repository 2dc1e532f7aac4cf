"""Drawings of a workflow: for a terminal, for Mermaid and for Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squidmesh.authoring.lint import lint_text
from squidmesh.authoring.render import graph_arrows, graph_dot, graph_mermaid, graph_text

if TYPE_CHECKING:
    import pytest

    from squidmesh.model.definition import Workflow

ROUTED = """\
workflow: shop.refund
triggers:
  by_hand:
    manual: {}
    payload: {amount: {type: integer}}
  nightly: {cron: "30 3 * * *", timezone: Europe/Berlin, payload: {amount: {type: integer, default: 1}}}
steps:
  load:
    uses: shop.load
    retry: {max_attempts: 3}
    next:
      ok:
        - {when: "payload.amount > 100 && \\"x\\" != '|'", to: decide}
        - {to: end}
      error: fail
  decide:
    approval: {deadline: 2d}
    next: {ok: end, error: complete, deadline: cool_down}
  cool_down: {wait: 90s, next: end}
  end: {log: {message: refunded}, next: complete}
"""
PARALLEL = """\
workflow: shop.report
triggers:
  by_hand: {manual: {}}
steps:
  sales: {uses: shop.sales}
  stock: {uses: shop.stock, allow_failure: true}
  report: {uses: shop.report, after: [sales, stock]}
"""


def compiled(text: str) -> Workflow:
    """Return the workflow that a good file declares."""
    result = lint_text(text, "x.yaml")
    assert result.workflow is not None
    return result.workflow


def test_text_says_what_follows_what() -> None:
    """Each step stands with what it does, then its routes with their conditions."""
    assert graph_text.render_graph(compiled(ROUTED)) == (
        "shop.refund: 4 steps, routed\n"
        "  starts by by_hand: manual\n"
        "  starts by nightly: cron 30 3 * * * (Europe/Berlin)\n"
        "\n"
        "  load       shop.load  (up to 3 attempts)\n"
        "    ok    -> decide  if payload.amount > 100 && \"x\" != '|'\n"
        "    ok    -> end\n"
        "    error -> fail\n"
        "  decide     approval, deadline 2d\n"
        "    ok       -> end\n"
        "    error    -> complete\n"
        "    deadline -> cool_down\n"
        "  cool_down  wait 90s\n"
        "    ok -> end\n"
        "  end        log\n"
        "    ok -> complete\n"
    )


def test_text_says_what_waits_for_what() -> None:
    """In a dependency-based workflow each step names what it waits for."""
    assert graph_text.render_graph(compiled(PARALLEL)).splitlines()[3:] == [
        "  sales   shop.sales",
        "  stock   shop.stock  (may fail)",
        "  report  shop.report",
        "    after sales, stock",
    ]


def test_mermaid_escapes_labels_and_reserved_names() -> None:
    """Quotes and bars in a condition, and a step called end, do not break the chart."""
    lines = graph_mermaid.render_graph(compiled(ROUTED)).splitlines()
    assert lines[0] == "flowchart TD"
    assert '  s_end>"end<br/><small>log</small>"]' in lines
    assert '  s_decide{{"decide<br/><small>approval, deadline 2d</small>"}}' in lines
    condition = "payload.amount &gt; 100 &amp;&amp; &quot;x&quot; != '#124;'"
    assert f'  s_load -->|"{condition}"| s_decide' in lines
    assert '  s_load -.->|"error"| s_fail' in lines
    assert "  s_fail((fail))" in lines


def test_dot_quotes_labels() -> None:
    """Quotes in a condition are escaped; an error is dashed."""
    lines = graph_dot.render_graph(compiled(ROUTED)).splitlines()
    assert lines[0] == 'digraph "shop.refund" {'
    assert '  "load" [shape=box, label="load\\nshop.load"];' in lines
    assert '  "load" -> "decide" [label="payload.amount > 100 && \\"x\\" != \'|\'"];' in lines
    assert '  "load" -> "fail" [style=dashed, label="error"];' in lines
    assert lines[-1] == "}"


CAREFUL = """\
workflow: shop.order
triggers:
  by_hand: {manual: {}, payload: {code: {type: string}}}
steps:
  charge:
    uses: shop.charge
    when: payload.code == "#35;"
    next: {ok: complete, error: [{when: "failure.code == 'late'", to: refund, recovery: undo}, {to: fail}]}
  refund: {uses: shop.refund, next: complete}
"""


def test_every_drawing_shows_the_condition_of_a_step() -> None:
    """Whether a step runs at all is not to be found in the file alone; # is no entity of Mermaid's."""
    workflow = compiled(CAREFUL)
    when = "when payload.code == &quot;#35;35;&quot;"
    node = f'  s_charge["charge<br/><small>shop.charge</small><br/><small>{when}</small>"]'
    assert node in graph_mermaid.render_graph(workflow).splitlines()
    node = '  "charge" [shape=box, label="charge\\nshop.charge\\nwhen payload.code == \\"#35;\\""];'
    assert node in graph_dot.render_graph(workflow).splitlines()
    assert '  charge  shop.charge  (when payload.code == "#35;")' in graph_text.render_graph(workflow).splitlines()


def test_every_drawing_shows_the_recovery_of_a_route() -> None:
    """What is undone on the way is part of where the way leads."""
    workflow, condition = compiled(CAREFUL), "failure.code == 'late'"
    label = f"error (recovery: undo) if {condition}"
    assert f'  s_charge -.->|"{label}"| s_refund' in graph_mermaid.render_graph(workflow).splitlines()
    arrow = f'  "charge" -> "refund" [style=dashed, label="{label}"];'
    assert arrow in graph_dot.render_graph(workflow).splitlines()
    line = f"    error -> refund  (recovery: undo)  if {condition}"
    assert line in graph_text.render_graph(workflow).splitlines()


def test_the_text_of_a_large_workflow_takes_no_longer_than_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each route is looked at once."""
    steps = "".join(f"  s{n}: {{uses: a.b, next: s{n + 1}}}\n" for n in range(50))
    workflow = compiled(
        f"workflow: a.b\ntriggers: {{t: {{manual: {{}}}}}}\nsteps:\n{steps}  s50: {{uses: a.b, next: fail}}\n"
    )
    made: list[Any] = []
    arrow = graph_arrows.Arrow
    monkeypatch.setattr(graph_arrows, "Arrow", lambda **given: made.append(given) or arrow(**given))
    graph_text.render_graph(workflow)
    assert len(made) == 51


def test_dependencies_point_from_what_is_waited_for() -> None:
    """An arrow goes the way that time goes."""
    assert '  "sales" -> "report";' in graph_dot.render_graph(compiled(PARALLEL))
    assert "  s_stock --> s_report" in graph_mermaid.render_graph(compiled(PARALLEL))


def test_the_description_stands_above() -> None:
    """The author's sentence is what a reader should meet first, in one line, whatever is in it."""
    told = compiled(f'description: "Refunds a payment:\\n  \\"at once\\""\n{PARALLEL}')
    assert graph_text.render_graph(told).splitlines()[1] == '  Refunds a payment: "at once"'
    title = '"shop.report: Refunds a payment: \\"at once\\""'
    assert graph_mermaid.render_graph(told).splitlines()[:4] == ["---", f"title: {title}", "---", "flowchart TD"]
    assert f'  graph [fontname="sans-serif", labelloc=t, label={title}];' in graph_dot.render_graph(told)


def test_what_runs_on_failure_is_drawn() -> None:
    """It follows every way to fail, and is never taken for a step of its name."""
    told = compiled(
        PARALLEL.replace("  report:", "  on_failure:") + "on_failure: {uses: shop.tell, retry: {max_attempts: 3}}\n"
    )
    last = "  once, before the run ends failed: shop.tell  (up to 3 attempts)"
    assert graph_text.render_graph(told).splitlines()[-2:] == ["", last]
    mermaid = graph_mermaid.render_graph(told).splitlines()
    assert "  s_fail((fail))" in mermaid
    assert mermaid[-2:] == [
        '  on_failure["on_failure<br/><small>shop.tell</small>"]',
        '  s_fail -.->|"once"| on_failure',
    ]
    assert graph_dot.render_graph(told).splitlines()[-3:] == [
        '  "on failure" [shape=box, label="on_failure\\nshop.tell"];',
        '  fail -> "on failure" [style=dashed, label="once"];',
        "}",
    ]
