"""Builds side by side: what they wait for, which of them ends another, who is told. `weighbridge` is a substitute."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jenkins.job import Build
from tests.jenkins.scene import ANN, DATA, TRAINING, held, triggers
from tests.jenkins.small import SmallJob

pytestmark = pytest.mark.slow

DELIVER, RUN, REHEARSE = "run --deliver-to", "run --to DataValidator", "run --sample"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[SmallJob]:
    made = SmallJob(tmp_path)
    made.create()
    yield made
    for build in tmp_path.glob("jobs/*/builds/*"):  # where a test failed, some go on
        Build(build, None).abort()


def branch(job: SmallJob, name: str = "PR-1") -> SmallJob:
    return job.named(name, BRANCH_NAME=name, CHANGE_ID="1", CHANGE_TARGET="main")


def locks(build: Build) -> list[str]:
    return [event["choices"][0][0] for event in build.events("lock wanted")]


def mails(build: Build) -> list[str]:
    return [event["subject"].split(": ")[1] for event in build.events("mail")]


def conclusions(build: Build) -> dict[str, str]:
    return {event["name"].removeprefix("Weighbridge "): event["conclusion"] for event in build.events("checks")}


# What is waited for.


def test_a_build_with_nothing_to_do_wants_no_lock_and_blocks_no_required_check(job: SmallJob) -> None:
    job.nothing_to_do()
    build = job.build()
    assert build.result == "SUCCESS", build.log
    assert locks(build) == []
    assert conclusions(build) == {"Data": "NEUTRAL", "Rehearsal": "NEUTRAL", "Verdict": "NEUTRAL"}
    assert [event["fingerprints"] for event in build.events("archive")] == [{}] * 3  # `[]` is the same in every job


def test_every_build_waits_for_an_agent_first_and_then_for_a_lock_and_no_timeout_runs_meanwhile(job: SmallJob) -> None:
    job.nothing_to_do()
    job.build()
    job.something_to_do()
    build, proposed = job.build(approval=ANN), branch(job).build()
    assert build.result == proposed.result == "SUCCESS", build.log + proposed.log
    assert set(locks(build)) == {"weighbridge-taxi", "weighbridge-taxi-rehearsal"}
    assert set(locks(proposed)) == {"weighbridge-taxi-rehearsal"}
    for event in build.events("lock wanted") + proposed.events("lock wanted"):
        assert event["agent"]
        assert event["timeouts"] == 0
    assert all(event["timeouts"] == 0 for event in build.events("agent wanted"))
    assert all(event["timeouts"] for event in build.events("sh") if "ci summary" not in event["script"])


def test_two_builds_with_one_agent_do_not_wait_for_each_other(job: SmallJob) -> None:
    job.agents = {"only": ["weighbridge-cpu"]}
    job.hold(REHEARSE)
    one = job.start(approval=ANN)
    job.until_running(one, REHEARSE)
    other = branch(job).start()
    other.until(lambda build: build.events("agent wanted"))
    job.release(REHEARSE)
    for build in (one, other):
        assert build.wait().result == "SUCCESS", build.log


def test_the_first_build_of_a_branch_locks_what_others_lock(job: SmallJob) -> None:
    first = branch(job).build()
    assert first.result == "SUCCESS", first.log
    assert set(locks(first)) == {"weighbridge-taxi-rehearsal"}


# Which build ends another.


def test_a_training_on_main_goes_on_whatever_comes_after_it(job: SmallJob) -> None:
    job.hold(DELIVER)
    old = job.start(approval=ANN)
    job.until_running(old, DELIVER)
    new = job.start(approval=ANN)
    new.until(lambda build: build.events("lock wanted", stage=DATA[0]))
    job.hold(REHEARSE)  # or the newer might ask while the older still waits for its answer, which ends the older
    job.release(DELIVER)
    assert old.wait().result == "SUCCESS", old.log
    job.release(REHEARSE)
    assert new.wait().result == "SUCCESS", new.log
    assert not any(
        begin < other_end and other_begin < end
        for begin, end in held(old, "weighbridge-taxi")
        for other_begin, other_end in held(new, "weighbridge-taxi")
    )


def test_a_newer_question_ends_the_older(job: SmallJob) -> None:
    old = job.start()
    old.until(lambda build: build.events("input"))
    new = job.start()
    new.until(lambda build: build.events("input"))
    assert old.wait().result == "NOT_BUILT"
    assert "superseded by build 2" in old.log
    assert mails(old) == ["waits for an approval"]
    assert new.events("mail")[0]["body"].startswith("https://jenkins.example.org/job/weighbridge/2/input/")
    new.answer(by="Ann")
    assert new.wait().result == "SUCCESS", new.log
    assert "--approved-by" in new.commands("promote")[-1]


@pytest.mark.parametrize("pipeline", ["taxi", "recommender"])
def test_a_question_ends_no_training(job: SmallJob, pipeline: str) -> None:
    job.nothing_to_do()
    job.build()  # which tells the job its parameters
    job.something_to_do()
    job.hold(DELIVER)
    training = job.start(approval=ANN, PIPELINE=pipeline)
    job.until_running(training, DELIVER)
    job.nothing_to_do("production")
    asking = job.start()
    asking.until(lambda build: build.events("input"))
    job.something_to_do()
    job.release(DELIVER)
    assert training.wait().result == "SUCCESS", training.log
    assert training.results()[TRAINING[0]] == "SUCCESS"
    asking.abort()
    asking.wait()


def test_an_answer_is_about_the_model_that_it_was_asked_for(job: SmallJob) -> None:
    old = job.start()
    old.until(lambda build: build.events("input"))
    job.set("runs", [{"pipeline": "taxi", "delivered_to": "canary", "run_id": "another"}])
    old.answer(by="Ann")
    assert old.wait().result == "NOT_BUILT"
    assert old.commands("--to production") == []
    assert conclusions(old)["Production"] == "CANCELED"
    assert mails(old) == ["waits for an approval"]


def test_a_newer_build_of_a_branch_ends_the_older_which_is_no_failure(job: SmallJob) -> None:
    request = branch(job)
    request.agents = {"only": ["weighbridge-cpu"]}
    request.hold(RUN)
    old = request.start()
    request.until_running(old, RUN)
    new = request.start()
    assert old.wait().result == "NOT_BUILT"
    request.release(RUN)
    assert new.wait().result == "SUCCESS", new.log
    assert conclusions(old)["Data"] == "CANCELED"
    assert mails(old) == mails(new) == []


# Who is told.


def test_a_question_that_nobody_answers_ends_in_a_mail_that_says_how_to_be_asked_again(job: SmallJob) -> None:
    job.nothing_to_do()
    job.build()  # which tells the job its parameters
    job.something_to_do()
    asking = job.start(approval={"late": "for ever"}, DATA="s3://rows/{SPAN}.csv").wait()
    assert asking.result == "ABORTED", asking.log
    assert asking.commands("--to production") == []
    assert mails(asking) == ["waits for an approval", "nobody answered, nothing was delivered"]
    told = asking.events("mail")[-1]["body"]
    assert "To be asked again, start a build of the job with DATA=s3://rows/{SPAN}.csv: " in told
    assert "https://jenkins.example.org/job/weighbridge/build?delay=0sec" in told
    assert "https://jenkins.example.org/job/weighbridge/2/" in told
    assert asking.description.startswith("Nobody answered within 3 days, so nothing was delivered; the model stays in")
    assert asking.description.endswith("start a build of the job with DATA=s3://rows/{SPAN}.csv.")
    job.nothing_to_do("production")  # but to deliver: what that mail says
    again = job.start(DATA="s3://rows/{SPAN}.csv")
    again.until(lambda build: build.events("input"))
    again.answer(by="Ann")
    assert again.wait().result == "SUCCESS", again.log
    assert mails(again) == ["waits for an approval"]
    assert len(again.commands("--to production")) == 1


@pytest.mark.parametrize("who", ["the approver", "whoever presses the red button"])
def test_a_question_that_a_person_ends_needs_no_further_word(job: SmallJob, who: str) -> None:
    build = job.start()
    build.until(lambda build: build.events("input"))
    build.answer(abort="Ann") if who == "the approver" else build.abort()
    assert build.wait().result == "ABORTED"
    assert mails(build) == ["waits for an approval"]
    assert build.description == ""


def test_a_mail_goes_out_when_a_build_fails_and_when_it_is_mended(job: SmallJob) -> None:
    request = branch(job)
    assert mails(request.build()) == []
    request.refuse()
    assert [mails(request.build()) for _ in range(2)] == [["FAILURE"], []]
    request.hold(RUN)
    ended = request.start()
    request.until_running(ended, RUN)
    ended.abort()
    assert mails(ended.wait()) == []
    request.release(RUN)
    assert mails(request.build()) == []  # the build that a person ended is passed over
    request.refuse(False)
    assert mails(request.build()) == ["SUCCESS"]


def test_each_trigger_starts_what_it_is_for(job: SmallJob) -> None:
    job.nothing_to_do()
    plain, main = triggers(job.build()), triggers(job.named("main", BRANCH_NAME="main").build())
    proposed = triggers(branch(job).build())
    assert [each["pollSCM"] for each in (plain, main, proposed)] == ["H/5 * * * *", "", ""]
    upstream = [each["upstream"]["upstreamProjects"] for each in (plain, main, proposed)]
    assert upstream == ["/weighbridge-new-data", "/weighbridge-new-data", ""]


# Which commit is built, and where.


def test_a_request_that_is_built_by_its_head_is_compared_with_its_target(job: SmallJob) -> None:
    job.commit("Say more", branch="more", **{"README.md": lambda text: text + "More.\n"})
    build = branch(job).build()
    assert build.result == "SUCCESS", build.log
    assert build.statuses("weighbridge plan") == [0]


def test_all_stages_of_a_plain_job_build_one_commit_and_the_next_poll_finds_the_newer(job: SmallJob) -> None:
    job.hold("plan")
    build = job.start(approval=ANN)
    job.until_running(build, "plan")
    newer = job.commit("Say more", **{"README.md": lambda text: text + "More.\n"})
    job.release("plan")
    assert build.wait().result == "SUCCESS", build.log
    checkouts = build.events("checkout")
    assert len(checkouts) == 4
    assert len({event["commit"] for event in checkouts} | {newer}) == 2
    assert [event["poll"] for event in checkouts] == [True, False, False, False]


@pytest.mark.parametrize("words", [RUN, DELIVER, "promote --from staging"])
def test_a_lost_agent_is_replaced_by_another(job: SmallJob, words: str) -> None:
    job.hold(words)
    build = job.start(approval=ANN)
    job.until_running(build, words)
    job.lose_agent_of(build)
    build.until(lambda build: build.events("retry"))
    job.release(words)
    assert build.wait().result == "SUCCESS", build.log
    assert mails(build) == ["waits for an approval"]


def test_a_model_of_kubeflow_goes_on_through_the_same_stages(job: SmallJob) -> None:
    job.nothing_to_do()
    job.build()  # which tells the job its parameters
    job.something_to_do()
    build = job.build(approval=ANN, MODE="kubeflow")
    assert build.result == "SUCCESS", build.log
    (submitted,) = build.commands("weighbridge submit")
    assert submitted == 'weighbridge submit --deliver-to staging --wait ${FORCE:---if-changed} -- "$PIPELINE"'
    # The canary's agent has no rows of a run elsewhere.
    canary = [event["script"].split(" -- ")[0] for event in build.events("sh", stage="Canary")]
    assert [command for command in canary if "--to" in command] == [
        "weighbridge run --to ExampleGen",
        "weighbridge promote --from staging --to canary",
    ]
    assert build.commands("--to production")


# What reviewers see.


def test_a_pull_request_gets_a_comment_by_a_token_that_nothing_else_sees(job: SmallJob) -> None:
    build = branch(job).build()
    assert build.result == "SUCCESS", build.log
    assert build.commands("ci comment") == ["weighbridge ci comment verdicts"] * 2
    for event in build.events("sh"):
        assert ("WEIGHBRIDGE_GITHUB_TOKEN" in event["credentials"]) == ("ci comment" in event["script"])
    assert job.build(approval=ANN).commands("ci comment") == []


def test_a_build_is_no_worse_for_a_comment_that_fails(job: SmallJob) -> None:
    (job.control / "refuse comments").touch()
    build = branch(job).build()
    assert build.result == "SUCCESS", build.log
    assert set(conclusions(build).values()) == {"SUCCESS", "NEUTRAL"}
    assert build.statuses("ci comment") == [1, 1]
    assert "The pull request got no comment." in build.log
    (job.repository / "Jenkinsfile").write_text(
        (job.repository / "Jenkinsfile").read_text().replace("'weighbridge-github'", "'another'")
    )
    job.commit("Comment as another")
    unknown = branch(job).build()
    assert unknown.result == "SUCCESS", unknown.log
    assert "Could not find credentials entry with ID 'another'" in unknown.log


def test_what_delivers_has_agents_of_its_own_where_the_controller_says_so(job: SmallJob) -> None:
    job.agents = {"cpu-1": ["weighbridge-cpu"], "safe-1": ["weighbridge-delivery-cpu"]}
    apart = {"WEIGHBRIDGE_DELIVERY_AGENTS": "weighbridge-delivery"}
    main = job.named("main", BRANCH_NAME="main", **apart).build(approval=ANN)
    proposed = job.named("PR-1", BRANCH_NAME="PR-1", CHANGE_ID="1", CHANGE_TARGET="main", **apart).build()
    assert main.result == proposed.result == "SUCCESS", main.log + proposed.log
    assert {event["name"] for event in main.events("agent")} == {"safe-1"}
    assert {event["name"] for event in proposed.events("agent")} == {"cpu-1"}


def test_a_model_that_nobody_vouches_for_goes_nowhere(job: SmallJob) -> None:
    (job.control / "refuse models").touch()
    build = job.start().wait()
    assert build.result == "FAILURE"
    verified = build.commands("weighbridge verify")
    assert len(verified) == 1
    assert "--stage" in verified[0]
    assert build.commands("weighbridge promote") == []
