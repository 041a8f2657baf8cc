/** The workbench: its frame, and the view that the address names. */

import { tokenWanted, useToken } from './core/api.js';
import { domain, loadDomain } from './core/domain.js';
import { connection, follow, head } from './core/feed.js';
import { effect, html, render, useEffect, useState } from './core/html.js';
import './core/pulse.js';
import { go, href, route } from './core/route.js';
import { Frame } from './parts/frame.js';
import { Problem } from './parts/problem.js';
import { TokenForm } from './parts/token.js';

/** @type {Record<string, () => Promise<{default: import('preact').ComponentType<any>}>>} */
const VIEWS = {
  live: () => import('./views/live.js'),
  state: () => import('./views/state.js'),
  diff: () => import('./views/diff.js'),
  history: () => import('./views/history.js'),
  trace: () => import('./views/trace.js'),
  projections: () => import('./views/projections.js'),
  replay: () => import('./views/replay.js'),
  queues: () => import('./views/queues.js'),
};

/**
 * What the address names: a view of the workbench, or a page that the domain brings.
 *
 * @param {import('./core/route.js').Route} route
 */
function load({ view, parts }) {
  const page = view === 'page' ? domain.value?.pages.find((page) => page.name === parts[0]) : undefined;
  if (page) return brought(page.name);
  const known = Object.hasOwn(VIEWS, view) ? VIEWS[view] : undefined;
  return known ? known() : Promise.reject(new Error(`There is no view ${view}${parts.length ? `/${parts[0]}` : ''}.`));
}

/**
 * A page that the domain brings, once it looks as it should.
 *
 * @param {string} name
 */
async function brought(name) {
  const url = (/** @type {string} */ ending) => new URL(`assets/pages/${name}.${ending}`, document.baseURI).href;
  const loading = import(url('js'));
  if (!document.querySelector(`link[href="${url('css')}"]`)) {
    const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url('css') });
    await new Promise((done) => {
      link.onload = link.onerror = done;
      document.head.append(link);
    });
  }
  return loading;
}

/** The view that the address names. */
function View() {
  const { view, parts } = route.value;
  const name = view === 'page' ? `page/${parts[0]}` : view;
  const [loaded, setLoaded] = useState(/** @type {{name: string, view?: any, error?: Error} | null} */ (null));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isWanted = true;
    load(route.value).then(
      (module) => isWanted && setLoaded({ name, view: module.default }),
      (error) => isWanted && setLoaded({ name, error }),
    );
    return () => {
      isWanted = false;
    };
  }, [name, turn]);
  // All views are there before they are wanted: a gateway that goes takes none of them away. One that could not be sent
  // is sent when somebody can again.
  useEffect(() => {
    if (connection.value.state !== 'live' || loaded === null) return;
    if (loaded.error) setTurn(turn + 1);
    Object.values(VIEWS).forEach((load) => load().catch(() => {}));
  }, [connection.value.state, loaded === null]);
  if (loaded?.name !== name) return null;
  if (loaded.error) return html`<${Problem} error=${loaded.error} />`;
  return html`<${loaded.view} key=${name} />`;
}

function App() {
  const [error, setError] = useState(/** @type {Error | null} */ (null));
  const begin = () => loadDomain().then(() => setError(null), setError);
  useEffect(() => {
    begin();
  }, []);
  // Whoever comes before the gateway does is let in as soon as it is there.
  useEffect(() => {
    if (connection.value.state === 'live' && !domain.value) begin();
  }, [connection.value.state]);
  if (tokenWanted.value !== null) {
    const enter = (/** @type {string} */ given) => {
      useToken(given);
      begin();
      follow();
    };
    return html`<${TokenForm} reason=${tokenWanted.value} onEnter=${enter} />`;
  }
  // A view that asks for what has happened must not ask before it is told what happens: what is in between would be lost.
  if (!domain.value || head.value === null) {
    const { state, detail } = connection.value;
    const why = error ?? (state === 'lost' ? new Error(detail) : null);
    const retry = () => {
      begin();
      follow();
    };
    return why ? html`<main class="alone"><${Problem} error=${why} retry=${retry} /></main>` : null;
  }
  return html`<${Frame}><${View} /></${Frame}>`;
}

if (!route.value.view) go(href(['live']), { replace: true });
effect(() => {
  const name = domain.value?.domain;
  const { view, parts } = route.value;
  document.title = [parts.at(-1), view, name, 'Retrace'].filter(Boolean).join(' · ');
});

const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.replaceChildren();
render(html`<${App} />`, root);
follow();
