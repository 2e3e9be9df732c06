from hub.console.chart import HEIGHT, WIDTH, chart


def test_the_highest_bar_reaches_the_top_and_nothing_draws_nothing() -> None:
    drawn = chart([0, 5, 10, 3])

    assert (drawn.highest, drawn.total, drawn.last) == (10, 18, 10)
    assert drawn.path.count("M") == 3
    assert f"M{WIDTH / 2:.1f} {HEIGHT}v-{HEIGHT - 4:.1f}" in drawn.path
    assert chart([]).path == ""
    assert chart([0, 0]).path == ""
