// The shell: who is signed in, where we are, and the navigation around it.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Area, type Group, INSTALLATION_AREAS, SPACE, isOperator } from "./core/areas";
import { session, signOut, space, spaces } from "./core/api";
import { INSTALLATION, address, go, place } from "./core/places";
import { side } from "./core/side";
import { type Theme, theme } from "./core/theme";
import { language, speak, words } from "./core/words";
import { IconButton, Link } from "./parts/buttons";
import { Dialogs, open as showDialog } from "./parts/dialogs";
import { Icon } from "./parts/icons";
import { Menu } from "./parts/menus";
import { Notices } from "./parts/notices";
import { Empty, Loading, Problem } from "./parts/states";
import { Mark, SignInAgain, SignInPage } from "./signin";

const w = words(
  {
    skip: "Skip to the content",
    navigation: "Navigation",
    openNavigation: "Open the navigation",
    space: "Space",
    installation: "Installation",
    account: "Account",
    dark: "Dark",
    light: "Light",
    system: "As the system",
    password: "Change the password …",
    out: "Sign out",
    noSpace: "There is no space for you yet",
    noSpaceText: "Ask an administrator to make you a member of a space.",
    unknown: "There is nothing here",
    unknownText: "The address may be mistyped, or you are no member of this space.",
  },
  {
    skip: "Aller au contenu",
    navigation: "Navigation",
    openNavigation: "Ouvrir la navigation",
    space: "Espace",
    installation: "Installation",
    account: "Compte",
    dark: "Sombre",
    light: "Clair",
    system: "Comme le système",
    password: "Changer de mot de passe…",
    out: "Se déconnecter",
    noSpace: "Vous n’avez pas encore d’espace",
    noSpaceText: "Demandez à un administrateur de vous ajouter à un espace.",
    unknown: "Il n’y a rien ici",
    unknownText: "L’adresse est peut-être erronée, ou vous n’êtes pas membre de cet espace.",
  },
);

const LAST = "consigne.space";

function groups(): Group[] {
  return place.value.space === INSTALLATION ? [{ title: null, areas: INSTALLATION_AREAS }] : SPACE;
}

function present(): Area | undefined {
  return groups().flatMap((each) => each.areas).find((each) => each.name === place.value.area);
}

/** Give an address without a space or an area the one that suits. */
function settle(): void {
  const { space: short, area } = place.value;
  if (short && area) {
    if (space.value) localStorage.setItem(LAST, short);
    return;
  }
  const last = localStorage.getItem(LAST);
  const home = spaces.value.find((each) => each.short === (short || last)) ?? spaces.value[0];
  if (short === INSTALLATION) {
    const first = INSTALLATION_AREAS.find((each) => each.shown());
    if (first) go(address([first.name], {}, INSTALLATION), true);
  } else if (home) go(address(["files"], {}, home.short), true);
}

export function App() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (session.value) settle();
    setOpen(false);
  }, [session.value, spaces.value, place.value]);
  if (session.value === undefined) return <Loading />;
  if (session.value === null) return <><SignInPage /><Notices /></>;
  return (
    <div class={`shell ${open ? "open" : ""}`}>
      <a class="skip" href="#content">{w().skip}</a>
      <header class="top">
        <IconButton icon="menu" label={w().openNavigation} expanded={open} onClick={() => setOpen(!open)} />
        <span class="brand"><Mark /> Consigne</span>
      </header>
      <aside class="side" onKeyDown={(event) => event.key === "Escape" && setOpen(false)}>
        <p class="brand"><Mark /> Consigne</p>
        <SpaceSwitch />
        <nav aria-label={w().navigation}>
          {groups().map((group) => <NavGroup key={group.title?.() ?? ""} group={group} />)}
        </nav>
        <div class="side-extra">{side.value}</div>
        <Account />
      </aside>
      <div class="veil" onClick={() => setOpen(false)} />
      <main id="content" class="content" tabIndex={-1}><Content /></main>
      <Dialogs />
      <SignInAgain />
      <Notices />
    </div>
  );
}

function NavGroup({ group }: { group: Group }) {
  const shown = group.areas.filter((each) => each.shown());
  if (!shown.length) return null;
  return (
    <>
      {group.title && <h2 class="side-title">{group.title()}</h2>}
      <ul>
        {shown.map((each) => (
          <li key={each.name}>
            <Link to={address([each.name])} class="side-link" current={place.value.area === each.name}>
              <Icon name={each.icon} /> {each.title()}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}

function SpaceSwitch() {
  const here = place.value.space;
  const label = here === INSTALLATION ? w().installation : space.value ? space.value.name || space.value.short : here;
  const choices = spaces.value.map((each) => ({
    label: each.name || each.short,
    checked: each.short === here,
    onChoose: () => go(address(["files"], {}, each.short)),
  }));
  if (isOperator() && INSTALLATION_AREAS.length) {
    choices.push({
      label: w().installation,
      checked: here === INSTALLATION,
      onChoose: () => go(address([], {}, INSTALLATION)),
      apart: true,
    } as (typeof choices)[number]);
  }
  if (!choices.length) return null;
  return (
    <Menu label={`${w().space}: ${label}`} class="space-switch" choices={choices}>
      <Icon name={here === INSTALLATION ? "settings" : "space"} />
      <span>{label}</span>
      <Icon name="down" size={16} />
    </Menu>
  );
}

function Account() {
  const user = session.value!.user;
  const themes: [Theme, string][] = [["system", w().system], ["light", w().light], ["dark", w().dark]];
  return (
    <Menu
      label={`${w().account}: ${user.name || user.email}`}
      class="account"
      up
      choices={[
        ...themes.map(([value, label]) => ({
          label,
          checked: theme.value === value,
          onChoose: () => { theme.value = value; },
        })),
        { label: "English", checked: language.value === "en", onChoose: () => speak("en"), apart: true },
        { label: "Français", checked: language.value === "fr", onChoose: () => speak("fr") },
        { label: w().password, icon: "key", onChoose: () => void import("./password").then(({ ChangePassword }) => showDialog(<ChangePassword />)), apart: true },
        { label: w().out, icon: "out", onChoose: () => void signOut() },
      ]}
    >
      <Icon name="user" />
      <span>{user.name || user.email}</span>
    </Menu>
  );
}

function Content() {
  const area = present();
  const [loaded, setLoaded] = useState<{ area: Area; Page: ComponentType } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const first = useRef(true);
  useEffect(() => {
    if (!area) return;
    setError(null);
    area.load().then((module) => setLoaded({ area, Page: module.default }), setError);
    // Whoever goes elsewhere by keyboard or screen reader starts at the content.
    if (!first.current) document.getElementById("content")?.focus({ preventScroll: true });
    first.current = false;
  }, [area]);
  useEffect(() => {
    const name = place.value.space === INSTALLATION ? w().installation : space.value?.name || place.value.space;
    document.title = [area?.title(), name, "Consigne"].filter(Boolean).join(" · ");
  }, [area, place.value.space, language.value]);
  const inside = place.value.space === INSTALLATION ? isOperator() : space.value !== undefined;
  if (error) return <Problem error={error} onRetry={() => location.reload()} />;
  if (!place.value.space && !spaces.value.length) {
    return <Empty whole icon="space" title={w().noSpace}>{w().noSpaceText}</Empty>;
  }
  if (place.value.area && (!area || !inside)) {
    return <Empty whole icon="search" title={w().unknown}>{w().unknownText}</Empty>;
  }
  if (!loaded || loaded.area !== area) return <Loading />;
  // A space of its own: nothing of the one before stays.
  return <loaded.Page key={place.value.space} />;
}
