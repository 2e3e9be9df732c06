from hub.commands.foreground import hub_environment


def test_a_hub_inherits_nothing_that_only_operators_have() -> None:
    shell = {
        "PATH": "/bin",
        "HUB_LOG_LEVEL": "debug",
        "HUB_OPERATOR_DSN": "x",
        "HUB_MANAGEMENT_PASSWORD": "y",
    }

    assert hub_environment(shell) == {"PATH": "/bin", "HUB_LOG_LEVEL": "debug"}
