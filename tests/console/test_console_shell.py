"""The frame of the console: signing in and out, languages, dark and light, small and wide."""

import re

import pytest
from console_support import PASSWORD, Visits, person
from native_support import Space
from playwright.sync_api import expect


def test_someone_signs_in_and_out(visit: Visits, space: Space, ines: str) -> None:
    someone = visit()
    page = someone.page
    page.goto("/console")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_label("E-mail or user name")).to_be_focused()
    someone.check("sign-in")
    page.keyboard.type(ines)
    page.keyboard.press("Tab")
    page.keyboard.type("not this one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The user name or the password is wrong.")
    someone.check("sign-in-refused")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/console/{space.short}/files$"))
    expect(page).to_have_title(re.compile("Files"))
    page.get_by_role("button", name=re.compile("^Account")).click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(("locale", "title"), [("fr-FR", "Connexion"), ("en-US", "Sign in")])
def test_the_browser_says_which_language(visit: Visits, locale: str, title: str) -> None:
    page = visit(locale=locale).page
    page.goto("/console")
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    assert page.locator("html").get_attribute("lang") == locale[:2]


def test_the_language_can_be_chosen_and_stays(visit: Visits, ines: str) -> None:
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    page.get_by_role("button", name=re.compile("^Account")).click()
    page.get_by_role("menuitemradio", name="Français").click()
    expect(page.get_by_role("link", name="Fichiers")).to_be_visible()
    page.reload()
    expect(page.get_by_role("link", name="Fichiers")).to_be_visible()
    someone.check("shell-fr")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_dark_and_light_follow_the_system_and_the_choice(
    visit: Visits, ines: str, scheme: str
) -> None:
    someone = visit(color_scheme=scheme)
    page = someone.enter(ines, PASSWORD)
    page.get_by_role("link", name="Files").wait_for()

    def ground() -> str:
        seen = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return {"rgb(247, 247, 244)": "light", "rgb(18, 21, 20)": "dark"}[seen]

    assert ground() == scheme
    someone.check(f"shell-{scheme}")
    other, label = {"dark": ("light", "Light"), "light": ("dark", "Dark")}[scheme]
    page.get_by_role("button", name=re.compile("^Account")).click()
    page.get_by_role("menuitemradio", name=label).click()
    assert ground() == other
    page.reload()
    page.get_by_role("link", name="Files").wait_for()
    assert ground() == other


def test_on_a_phone_the_navigation_opens_over_the_page(visit: Visits, ines: str) -> None:
    someone = visit(viewport={"width": 360, "height": 740}, has_touch=True)
    page = someone.enter(ines, PASSWORD)
    expect(page.get_by_role("link", name="Files")).to_be_hidden()
    someone.check("phone")
    page.get_by_role("button", name="Open the navigation").click()
    expect(page.get_by_role("link", name="Files")).to_be_visible()
    someone.check("phone-navigation")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0


def test_spaces_are_switched_and_others_are_not_there(
    visit: Visits, space: Space, ines: str
) -> None:
    second = f"{space.short}b"
    space.operator.ok("POST", "/spaces", 201, json={"short": second, "name": "Second <b>space</b>"})
    space.operator.ok("PUT", f"/spaces/{second}/members/{ines}", json={"role": "reader"})
    page = visit().enter(ines, PASSWORD, f"/console/{space.short}/files")
    page.get_by_role("button", name=re.compile("^Space")).click()
    page.get_by_role("menuitemradio", name="Second <b>space</b>").click()
    expect(page).to_have_url(re.compile(f"/console/{second}/files$"))
    page.goto("/console/default/files")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_nobody_can_frame_the_console(visit: Visits) -> None:
    """Clickjacking: a page of the very same server that would frame it shows nothing of it."""
    someone = visit()
    page = someone.page
    page.route(
        "**/trap",
        lambda route: route.fulfill(
            content_type="text/html", body="<iframe src='/console' width=500 height=500></iframe>"
        ),
    )
    with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        page.goto("/trap")
    assert page.frames[1].locator("#app").count() == 0
    someone.wrong.clear()


def test_an_operator_without_spaces_is_told_so(visit: Visits, space: Space) -> None:
    email = person(space, "noone")
    space.operator.ok("DELETE", f"/spaces/{space.short}/members/{email}", 204)
    someone = visit()
    page = someone.enter(email, PASSWORD)
    expect(page.get_by_role("heading", name="There is no space for you yet")).to_be_visible()
    someone.check("no-space")
