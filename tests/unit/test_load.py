"""Loading: every mistake is reported at its place, and files are merged as documented."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from poscloud.engine.description import describe, load_checked
from poscloud.errors import InputError, PosCloudError, StackNotFoundError
from poscloud.load import load_environment
from poscloud.spec import EnvironmentSpec
from poscloud.spec.base import CHOSEN_KEYS
from tests.unit.conftest import Project


def test_all_problems_come_at_once_in_order(project: Project) -> None:
    problems = project.problems(
        """\
        backing:
          redis: {replicas: 2}
        services:
          a: {kind: java, replcas: 2, uses: [rediss]}
          b: {kind: java, java_opts: -Xmx9g, env: {X: "${redis.hots}"}}
        """
    )
    assert [(p.line, p.code) for p in problems] == [
        (2, "unknown-field"),
        (4, "unknown-field"),
        (4, "unknown-reference"),
        (5, "heap-too-large"),
        (5, "unknown-output"),
    ]


def test_a_mistake_in_a_base_is_reported_in_the_base(project: Project) -> None:
    project.write("base/b.yaml", "services:\n  a: {kind: java, port: many}\n")
    (problem,) = project.problems("extends: base/b.yaml\nservices:\n  a: {replicas: 2}\n")
    assert (problem.file, problem.line) == (Path("stacks/base/b.yaml"), 2)


def test_the_ending_of_files_is_no_likeness(project: Project) -> None:
    project.write("base/posp.yaml", "{}\n")
    assert [p.hint for p in project.problems("extends: base/none.yaml\n")] == ["known: posp.yaml"]
    assert [p.hint for p in project.problems("extends: base/pops.yaml\n")] == ["did you mean 'posp.yaml'?"]


def test_an_unknown_stack_names_the_known_ones(project: Project) -> None:
    project.write("wbyh-stage.yaml", "{}")
    project.write("dev.yaml", "{}")
    with pytest.raises(StackNotFoundError) as caught:
        load_environment(project.root, "wbyh-stag")
    assert "known stacks: dev, wbyh-stage" in str(caught.value)
    assert caught.value.hint == "did you mean 'wbyh-stage'?"
    assert caught.value.exit_code == 6


def test_a_stack_described_twice_is_refused(project: Project) -> None:
    project.write("env.yaml", "{}")
    project.write("env.py", "")
    with pytest.raises(PosCloudError, match="described twice"):
        load_environment(project.root, "env")


def test_later_files_override_field_by_field(project: Project) -> None:
    project.write(
        "base/one.yaml", "registry: one.example.com/x\nbacking: {redis: {version: '5'}, zookeeper: {}}\n"
    )
    project.write("base/two.yaml", "registry: two.example.com/x\nbacking: {redis: {storage: {size: 5Gi}}}\n")
    spec = project.load(
        """\
        extends: [base/one.yaml, base/two.yaml]
        backing: {redis: {storage: {size: 7Gi}}, zookeeper: null}
        """
    )
    assert spec.registry == "two.example.com/x"
    assert list(spec.backing) == ["redis"]
    assert (spec.backing["redis"].version, spec.backing["redis"].storage.size) == ("5", "7Gi")


def test_defaults_reach_every_service_of_the_kind(project: Project) -> None:
    spec = project.load(
        """\
        defaults: {java: {replicas: 2, env: {A: "1", B: "2"}}}
        services:
          a: java
          b: {kind: java, replicas: 3, env: {A: null}}
        """
    )
    assert (spec.services["a"].replicas, spec.services["b"].replicas) == (2, 3)
    assert (spec.services["a"].env, spec.services["b"].env) == ({"A": "1", "B": "2"}, {"B": "2"})


def test_null_is_a_value_where_names_are_fixed(project: Project) -> None:
    project.write("base/b.yaml", "pull_secret: registry\n")
    assert project.load("extends: base/b.yaml\npull_secret: null\n").pull_secret is None


def test_a_python_stack_reports_the_line_of_the_call(project: Project) -> None:
    project.write("py.py", "from poscloud import JavaServiceSpec\n\nJavaServiceSpec(port=70000)\n")
    with pytest.raises(InputError) as caught:
        load_environment(project.root, "py")
    (problem,) = caught.value.problems
    assert (str(problem.file), problem.line, problem.column, problem.code) == (
        "stacks/py.py",
        3,
        22,
        "wrong-value",
    )


def test_everything_that_is_wrong_in_a_python_stack_comes_at_once(project: Project) -> None:
    project.write(
        "py.py",
        """\
        from poscloud import EnvironmentSpec, JavaServiceSpec, RedisSpec
        def service(**fields):
            return JavaServiceSpec(**fields)
        environment = EnvironmentSpec(
            name="py",
            services={
                "a": service(port=70000),
                "b": {"kind": "java", "replcas": 2},
                "中": JavaServiceSpec(env={"X": "甲", "Y": 3}, replcas=2),
            },
        ).nothing
        """,
    )
    with pytest.raises(InputError) as caught:
        load_environment(project.root, "py")
    assert [(p.line, p.column, p.code, p.hint) for p in caught.value.problems] == [
        (3, 12, "wrong-value", ""),
        (8, 31, "unknown-field", "did you mean 'replicas'?"),
        (9, 9, "wrong-value", ""),
        (9, 50, "wrong-type", 'put it in quotes: "3"'),
        (9, 54, "unknown-field", "did you mean 'replicas'?"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("from poscloud import JavaServicSpec\n", "did you mean 'JavaServiceSpec'?"),
        ("from poscloud import RedisSpec\nRedisSpec('redis')\n", "RedisSpec takes its fields by name"),
        (
            "from poscloud import RedisSpec\nr = RedisSpec()\nr.replicas = 3\n",
            "give replicas when it is made",
        ),
        ("from poscloud import EnvironmentSpec\nenv = EnvironmentSpec(name='py')\n", "rename `env`"),
        ("def environment():\n    return 1\n", "`environment` is a function here"),
    ],
)
def test_what_a_newcomer_meant_in_a_python_stack(project: Project, text: str, says: str) -> None:
    project.write("py.py", text)
    with pytest.raises(InputError) as caught:
        load_environment(project.root, "py")
    (problem,) = caught.value.problems
    assert says in str(problem) and "site-packages" not in str(problem)
    assert ".py (" not in str(problem) and "Calls" not in str(problem)


def test_what_does_not_fit_together_in_a_python_stack_is_told_at_its_argument(project: Project) -> None:
    project.write(
        "py.py",
        """\
        from poscloud import EnvironmentSpec, JavaServiceSpec, RedisSpec
        environment = EnvironmentSpec(
            name="py",
            backing={"redis": RedisSpec()},
            services={
                name: JavaServiceSpec(uses=("redis", "kafka"), env={"X": "${redis.hots}"}) for name in "ab"
            },
        )
        """,
    )
    with pytest.raises(InputError) as caught:
        load_environment(project.root, "py")
    found = caught.value.problems
    assert {(p.line, p.column, p.code) for p in found} == {
        (6, 46, "unknown-reference"),
        (6, 66, "unknown-output"),
    }
    assert [p.message.split(":")[0] for p in found if p.column == 46] == [
        "services.a.uses.1",
        "services.b.uses.1",
    ]


def test_a_python_stack_that_fails_reports_the_line(project: Project) -> None:
    project.write("py.py", "from poscloud import JavaServiceSpec\n\nJavaServiceSpec(port=1).nothing\n")
    with pytest.raises(InputError) as caught:
        load_environment(project.root, "py")
    (problem,) = caught.value.problems
    assert (problem.line, problem.code) == (3, "python-error")


def test_a_python_stack_without_environment_is_told(project: Project) -> None:
    project.write("py.py", "x = 1\n")
    with pytest.raises(InputError, match="defines no `environment`"):
        load_environment(project.root, "py")


def test_a_python_stack_has_the_name_of_its_file(project: Project) -> None:
    project.write(
        "py.py", "from poscloud import EnvironmentSpec\nenvironment = EnvironmentSpec(name='other')\n"
    )
    with pytest.raises(InputError, match="'other' differs from the stack's name 'py'"):
        load_environment(project.root, "py")


def test_a_python_stack_that_exits_is_a_problem(project: Project) -> None:
    project.write("py.py", "import sys\nsys.exit(3)\n")
    with pytest.raises(InputError, match=r"stacks/py\.py:2:1: SystemExit: 3"):
        load_environment(project.root, "py")


def test_what_rendering_finds_in_a_python_stack_names_its_field(project: Project) -> None:
    project.write(
        "py.py",
        """\
        from poscloud import EnvironmentSpec, RedisSpec
        redis = RedisSpec(overrides={"Deployment": {}})
        environment = EnvironmentSpec(name="py", backing={"redis": redis})
        """,
    )
    with pytest.raises(
        InputError, match=r"stacks/py\.py:2:44: backing\.redis\.overrides\.Deployment: overrides has"
    ):
        load_checked(project.root, "py")


def test_everything_that_rendering_finds_comes_at_once(project: Project) -> None:
    project.write(
        "env.yaml",
        """\
        services:
          a: {kind: java, overrides: {Ingress: {}, Service: {spec: null}}}
          b: {kind: java, overrides: {Deployment: {spec: {template: {metadata: {labels: {app: x, y: z}}}}}}}
        """,
    )
    with pytest.raises(InputError) as caught:
        load_checked(project.root, "env")
    assert [(p.line, p.code) for p in caught.value.problems] == [(2, "bad-override")] * 2 + [
        (3, "bad-override")
    ]


def test_a_number_of_5000_digits_is_a_problem(project: Project) -> None:
    (problem,) = project.problems(f"services:\n  a: {{kind: java, replicas: {'9' * 5000}}}\n")
    assert (problem.line, problem.column, problem.code) == (2, 29, "wrong-value")


def test_defaults_are_checked_without_a_service_and_once(project: Project) -> None:
    defaults = """\
        defaults:
          java:
            replcas: 2
            uses: 3
            resources: []
            opt_data: {server: nfs}
            java_opts: -Xmx9g
        """
    for services in ("", "services: {a: {kind: java, opt_data: {path: /x}, java_opts: -Xmx1g}}\n"):
        problems = project.problems(dedent(defaults) + services)
        assert [(p.line, p.code) for p in problems] == [
            (3, "unknown-field"),
            (4, "wrong-type"),
            (5, "wrong-type"),
        ]


def test_what_only_services_can_mend_in_defaults_is_told_once(project: Project) -> None:
    text = "defaults: {java: {resources: {requests: {cpu: 9}}}}\nservices: {a: java, b: java}\n"
    (problem,) = project.problems(text)
    assert (problem.line, problem.code) == (1, "wrong-value")


@pytest.mark.parametrize("stack", ["../Pulumi", "a/b", "", ".", ".."])
def test_a_path_is_no_stack(project: Project, stack: str) -> None:
    (project.root / "Pulumi.yaml").write_text("name: poscloud\n")
    with pytest.raises(StackNotFoundError, match="cannot be a stack's name"):
        load_environment(project.root, stack)


def test_a_reference_can_be_escaped(project: Project) -> None:
    project.write("env.yaml", "services: {a: {kind: java, env: {X: '$${HOSTNAME}-${a.port}'}}}\n")
    parts = describe(project.root, "env").parts
    deployment = parts[1].manifests[-1]
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "X", "value": "${HOSTNAME}-9090"} in variables


def test_a_long_list_of_known_words_is_cut(project: Project) -> None:
    (problem,) = project.problems("xyz: 1\n")
    assert problem.hint.endswith("…")
    assert problem.hint.count(",") == 10


def test_aliases_of_aliases_do_not_fill_the_memory(project: Project) -> None:
    levels = [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]\n" for i in range(1, 30)]
    assert "too-large" in [p.code for p in project.problems("a0: &a0 [x]\n" + "".join(levels))]


def test_null_removes_wherever_keys_are_chosen(project: Project) -> None:
    project.write(
        "base/b.yaml",
        """\
        services:
          s: {kind: subsystem, containers: {x: {ports: {http: 80, ssh: 22}}, y: {}}}
          w: {kind: webapp, webapps: {a: {image: "x/a:1"}, b: {image: "x/b:1"}}}
        """,
    )
    spec = project.load(
        """\
        extends: base/b.yaml
        services:
          s: {containers: {x: {ports: {ssh: null}}, y: null}}
          w: {webapps: {a: null}}
        """
    )
    subsystem, webapp = spec.services["s"].model_dump(), spec.services["w"].model_dump()
    assert {name: item["ports"] for name, item in subsystem["containers"].items()} == {"x": {"http": 80}}
    assert list(webapp["webapps"]) == ["b"]


def test_null_is_a_value_in_a_service_that_is_called_like_such_a_map(project: Project) -> None:
    project.write("base/b.yaml", "services: {config: {kind: java, port: 80, node_selector: {a: b}}}\n")
    spec = project.load("extends: base/b.yaml\nservices: {config: {port: null, node_selector: null}}\n")
    assert (spec.services["config"].port, spec.services["config"].node_selector) == (None, None)


def test_null_in_overrides_reaches_the_manifest(project: Project) -> None:
    def text(label: str) -> str:
        return f"a: {{kind: java, overrides: {{Deployment: {{metadata: {{labels: {{x: {label}}}}}}}}}}}"

    project.write("base/b.yaml", f"services:\n  {text('y')}\n")
    spec = project.load(f"extends: base/b.yaml\nservices:\n  {text('null')}\n")
    assert spec.services["a"].overrides == {"Deployment": {"metadata": {"labels": {"x": None}}}}


def test_every_map_of_an_environment_has_keys_that_are_chosen() -> None:
    found: set[str] = set()
    seen: set[type[BaseModel]] = set()

    def walk(annotation: Any, field: str) -> None:
        if get_origin(annotation) is dict:
            found.add(field)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
            seen.add(annotation)
            for name, info in annotation.model_fields.items():
                walk(info.annotation, name)
        for part in get_args(annotation):
            walk(part, field)

    walk(EnvironmentSpec, "")
    # `overrides` are patches, `next` is a version's fields; in both, null is a value.
    assert found - {"overrides", "next"} == CHOSEN_KEYS


def test_a_variable_may_refer_to_the_pods_address(project: Project) -> None:
    project.write("env.yaml", "services: {a: {kind: java, env: {X: 'http://$(POD_IP):80'}}}\n")
    parts = describe(project.root, "env").parts
    variables = parts[1].manifests[-1]["spec"]["template"]["spec"]["containers"][0]["env"]
    names = [v["name"] for v in variables]
    assert names.index("POD_IP") < names.index("X")


def test_a_python_stack_hears_nothing_of_the_inside_of_pydantic(project: Project) -> None:
    project.write(
        "py.py", "from poscloud import JavaServiceSpec\nJavaServiceSpec(filebeat={'version': 6.0})\n"
    )
    with pytest.raises(InputError) as caught:
        load_environment(project.root, "py")
    assert caught.value.problems[0].message.endswith("filebeat.version: expected text, found 6.0")


def test_a_number_beyond_every_float_is_a_problem(project: Project) -> None:
    """As infinity it would be no JSON, and `overrides` are not looked at otherwise."""
    text = "services: {a: {kind: java, overrides: {Deployment: {spec: {x: 1e999}}}}}\n"
    assert any("too large a number" in problem.message and problem.line for problem in project.problems(text))
