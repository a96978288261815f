"""Feedback: submitted, acknowledged, answered, rated; and by somebody who says nothing of who they are."""

from typing import Any

from emon_operator.demo.beginnings import sign_in
from emon_operator.demo.cast import Cast
from emon_operator.demo.round_table import path_of_link
from emon_operator.demo.telling import expect, quote, result, step
from emon_operator.demo_client import Browser, Mailbox

PROBLEM = "Der Schlüssel zum Begegnungsraum fehlt uns seit drei Wochen."
ANSWER = "Danke für den Hinweis! Der Schlüssel liegt ab Montag im Bürgerbüro für Sie bereit."
IDEA = "Ein Kalender mit allen Sprachcafés der Umgebung würde uns helfen."


async def play_feedback(visitor: Browser, coordinator: Browser, mailbox: Mailbox, cast: Cast) -> None:
    """Nobody stays without an answer."""
    step("A volunteer signs in and says what does not work")
    volunteer = await sign_in(visitor, mailbox, cast.volunteer_email(5))
    asked_before = await mailbox.count_to(cast.coordinator_email)
    feedback = await volunteer.post("/v1/feedback", {"kind": "problem", "text": PROBLEM})
    result(f"status {feedback['status']}, to be acknowledged by {feedback['acknowledge_by']}")
    step("The coordinator is asked by mail; the mail links to the text and does not contain it")
    mail = await mailbox.next_to(cast.coordinator_email, asked_before)
    show(mail)
    expect(PROBLEM not in mail["Text"], "the text of the feedback stands in a mail")
    expect(PROBLEM in await visitor.page(path_of_link(mail["Text"])), "the page behind the link does not show the text")
    step("She acknowledges and answers")
    heard_before = await mailbox.count_to(cast.volunteer_email(5))
    acknowledged = await coordinator.post(f"/v1/feedback/{feedback['id']}/acknowledgement", None, expected=200)
    result(f"status {acknowledged['status']}, to be answered by {acknowledged['answer_by']}")
    await mailbox.next_to(cast.volunteer_email(5), heard_before)
    answered = await coordinator.post(f"/v1/feedback/{feedback['id']}/answer", {"text": ANSWER}, expected=200)
    result(f"status {answered['status']}")
    step("The volunteer reads the answer by the link in the mail, and rates it")
    mail = await mailbox.next_to(cast.volunteer_email(5), heard_before + 1)
    show(mail)
    expect(ANSWER in await visitor.page(path_of_link(mail["Text"])), "the page behind the link does not show the answer")
    rated = await volunteer.post(f"/v1/feedback/{feedback['id']}/rating", {"stars": 5}, expected=200)
    result(f"status {rated['status']}, {rated['rating']['stars']} stars")
    await play_anonymous_feedback(visitor, coordinator, cast)


async def play_anonymous_feedback(visitor: Browser, coordinator: Browser, cast: Cast) -> None:
    """The author reads the answer by a link that was shown once, and that nothing else leads to."""
    step("Somebody has an idea and says nothing of who they are")
    text = f"{IDEA} ({cast.run})"
    submitted = await visitor.post("/v1/anonymous-feedback", {"ags": cast.ags, "kind": "idea", "text": text})
    link = "/anonymous-feedback/" + submitted["link"].rpartition("/")[2]
    waiting = await coordinator.get(f"/v1/feedback?status=received&ags={cast.ags}")
    [idea] = [item for item in waiting["items"] if item["text"] == text and item["anonymous"] and item["author_id"] is None]
    result(f"the coordinator sees the {idea['kind']}, and no author")
    answer = {"text": "Eine gute Idee: wir beginnen damit im Mai."}
    await coordinator.post(f"/v1/feedback/{idea['id']}/answer", answer, expected=200)
    expect("beginnen damit im Mai" in await visitor.page(link), "the author's page does not show the answer")
    result("the answer is behind the author's secret link")


def show(mail: Any) -> None:
    """A mail, as it arrives."""
    result(f"mail to {mail['To'][0]['Address']}: {mail['Subject']}")
    quote(mail["Text"], 10)
