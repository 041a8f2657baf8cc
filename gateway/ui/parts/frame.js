/** What is around every view: where one can go, and whether the gateway is there. */

import { domain } from '../core/domain.js';
import { connection } from '../core/feed.js';
import { effect, html, signal, useEffect, useRef } from '../core/html.js';
import { href, route } from '../core/route.js';
import { Dialogs } from './dialog.js';

const THEME = 'retrace-theme';
/** `auto` follows what the system says. */
const theme = signal(localStorage.getItem(THEME) ?? 'auto');

effect(() => {
  localStorage.setItem(THEME, theme.value);
  if (theme.value === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
});

/** Views that are reached from the navigation, with those that count as part of them. @type {[string, string, string[]][]} */
const PLACES = [
  ['live', 'Live', []],
  ['state', 'State', ['history', 'diff']],
  ['trace', 'Trace', []],
  ['projections', 'Projections', []],
  ['replay', 'Replay', []],
  ['queues', 'Queues', []],
];

/** @param {{children?: any}} props */
export function Frame({ children }) {
  const { view, parts } = route.value;
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const places = useRef(/** @type {HTMLElement | null} */ (null));
  const place = view === 'page' ? `page/${parts[0]}` : view;
  const first = useRef(true);
  // Who goes to another view by keyboard goes on there, and is told where that is.
  useEffect(() => {
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    main.current?.scrollTo(0, 0);
    places.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [place]);
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    main.current?.focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the view</a>
    <header class="top">
      <a class="brand" href=${href(['live'])}>
        <img src="assets/icon.svg" alt="" width="24" height="24" />
        <span><b>Retrace</b> <span class="of">${domain.value?.domain}</span></span>
      </a>
      <nav aria-label="Views" ref=${places}>
        ${PLACES.map(
          ([name, title, more]) =>
            html`<a href=${href([name])} aria-current=${name === view || more.includes(view) ? 'page' : null}>${title}</a>`,
        )}
        ${domain.value?.pages.map(
          (page) =>
            html`<a href=${href(['page', page.name])} aria-current=${place === `page/${page.name}` ? 'page' : null}
              >${page.title}</a
            >`,
        )}
      </nav>
      <div class="standing"><${Connection} /><${Theme} /></div>
    </header>
    <main id="main" tabindex="-1" ref=${main}>${children}</main>
    <${Dialogs} />
  `;
}

const SAID = { connecting: 'Connecting', live: 'Connected', lost: 'Connection lost, trying again', ended: 'Log ended' };

function Connection() {
  const { state, detail } = connection.value;
  const more = state === 'lost' ? `${detail || 'The connection broke off.'} Trying again; nothing will be missed.` : detail;
  return html`<span class=${`connection ${state}`} role="status" title=${more || 'Events come as they happen.'}
    ><i></i>${SAID[state]}</span
  >`;
}

const NEXT = /** @type {Record<string, string>} */ ({ auto: 'light', light: 'dark', dark: 'auto' });
const LOOKS = /** @type {Record<string, string>} */ ({ auto: '◐', light: '☀', dark: '☾' });

function Theme() {
  const next = NEXT[theme.value] ?? 'auto';
  const turn = () => {
    theme.value = next;
  };
  const said = `Colours: ${theme.value}; change to ${next}`;
  return html`<button class="quiet" onClick=${turn} title=${said} aria-label=${said}>${LOOKS[theme.value]}</button>`;
}
