"""How each block of the pages is proven: the one table of it, by kind and, where that is not enough, by block."""

from __future__ import annotations

from tests.pages.blocks import Block
from tests.pages.lines import logical
from tests.pages.scenarios import ELSEWHERE, not_run, scenario_of

BY_KIND = {
    "mermaid": "test_blocks.py::test_a_diagram_has_only_nodes_that_are_there",
    "python": "test_blocks.py::test_a_program_of_a_page_makes_its_components",
    "json": "test_pages.py (docs/environment.md uses it as its config.json)",
    "toml": "test_blocks.py::test_tables_of_images_are_read",
}
"""Kinds of which all blocks are proven in the same way."""

YAML = {
    "config:": "test_a_stacks_configuration_is_one",
    "validate:": "test_a_pipelines_commands_are_read",
    "apiVersion: kubelet": "test_the_kubelet_reads_its_configuration",
    "# yaml-language-server": "test_the_first_line_for_editors_is_that_of_init",
}
"""What YAML begins with that is no description → its test. Descriptions are rendered by test_docs.py."""

MESSAGES = {
    ("docs/check.md", "stacks/dev.yaml:7:54"),
    ("docs/fence.md", "this stack was deployed"),
    ("docs/recovery.md", "previous run"),
    ("docs/state.md", "error: the state of stack prod"),
}
"""Blocks that show what poscloud prints: each line is one that the code of today can print."""

TEXTS = {
    ("CONTRIBUTING.md", "make check"): "test_targets_of_make_are_there",
    ("docs/archive.md", "archive: /srv"): "test_what_destroy_leaves_behind_and_tells",
    ("docs/archive.md", "shop/2026"): "test_what_destroy_leaves_behind_and_tells",
    ("docs/archive.md", "error: namespace shop"): "test_what_holds_a_namespace_is_told",
    ("docs/check.md", "stacks/dev.yaml:3:19"): "test_findings_are_shown_as_in_the_page",
    ("docs/check.md", "stacks/py.py"): "test_findings_are_shown_as_in_the_page",
    ("docs/components/subsystem.md", "stacks/hydra-test.yaml"): "test_findings_are_shown_as_in_the_page",
    ("docs/components/nginx.md", "location,"): "test_a_table_of_locations_is_read",
    ("docs/drift.md", "dac-task"): "test_drift_is_told",
    ("docs/merge-requests.md", "poscloud, shop:"): "test_the_headline_is_that_of_a_comment",
    ("docs/releases.md", "dac-api-center: canary"): "test_validate_tells_of_releases",
    ("docs/merge-requests.md", "/poscloud acknowledge"): "test_the_comment_acknowledges",
    ("docs/operations.md", "images "): "test_the_formula_names_settings_that_are_there",
    ("docs/state.md", "error: stack prod is in use"): "test_a_stack_in_use_is_told",
    ("docs/watching.md", "shop  1 of 4 ready"): "test_the_tree_is_drawn_like_this",
    ("docs/watching.md", "shop  2 of 4 gone"): "test_a_destroy_is_drawn_like_this",
    ("examples/apps/README.md", "┌─"): "test_the_drawing_has_the_services_of_the_shop",
}
"""Other texts → their test."""


def proof(block: Block) -> str:
    """Return what proves a block; empty: nothing does."""
    if block.kind == "sh":
        return _shell(block)
    if block.kind == "yaml":
        other = next((test for begin, test in YAML.items() if block.begins(begin)), "")
        return other or "test_docs.py::test_a_description_in_a_page_can_be_rendered"
    if block.kind == "text":
        if any(block.page == page and block.begins(words) for page, words in MESSAGES):
            return "test_messages_in_pages_are_those_of_the_code"
        return next(
            (t for (page, words), t in TEXTS.items() if block.page == page and block.begins(words)), ""
        )
    return BY_KIND.get(block.kind, "")


def _shell(block: Block) -> str:
    """A page that is run is run as a whole; of another one, each line has to be in the table of what is not."""
    if run := ELSEWHERE.get(block.page) or scenario_of(block.page):
        return run
    return "NOT_RUN" if all(not_run(block.page, line) for line in logical(block.text)) else ""
