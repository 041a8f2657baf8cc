/** Everything as it stood: the whole page moves with the slider. */

import { domain } from '../core/domain.js';
import { connection } from '../core/feed.js';
import { count } from '../core/format.js';
import { html, untracked, useEffect, useMemo, useRef, useSignalEffect } from '../core/html.js';
import { Moments, queryOf } from '../core/moment.js';
import { Pages } from '../core/pages.js';
import { href, route } from '../core/route.js';
import { END } from '../core/steps.js';
import { EntityCard } from '../parts/entity.js';
import { OpenedLog } from '../parts/opened.js';
import { Problem } from '../parts/problem.js';
import { Rows } from '../parts/rows.js';
import { Slider } from '../parts/slider.js';

export default function State() {
  const moments = useMemo(() => new Moments(), []);
  const pages = useMemo(() => new Pages(), []);
  useEffect(() => moments.start(), []);
  useSignalEffect(() => {
    const to = route.value;
    untracked(() => moments.follow(to));
  });
  // What could not be had while nobody answered is asked for when somebody does.
  useSignalEffect(() => {
    if (connection.value.state === 'live') untracked(() => moments.error.value && moments.again());
  });
  const shown = moments.shown.value;
  const error = moments.error.value;
  const { parts, query: { log } } = route.value;
  if (shown?.state.rows) pages.saw(shown.after, shown.state.next);
  return html`<div class="view state">
    <${Slider} moments=${moments} />
    ${log && html`<${OpenedLog} log=${log} back=${href(['state', ...(parts[0] ? [parts[0]] : [])])} />`}
    ${error && html`<${Problem} error=${error} retry=${() => moments.again()} />`}
    ${!shown && error && html`<p class="buttons"><button onClick=${() => moments.go(END)}>Show the end of the log</button></p>`}
    ${shown && !shown.entity && html`<h1 class="unseen">State</h1>`}
    ${shown && html`<${Topics} shown=${shown} />`}
    ${shown?.entity ? html`<${EntityCard} key=${`${shown.topic}/${shown.id} ${shown.log}`} shown=${shown} />` : shown?.state.rows && html`<${Rows} shown=${shown} pages=${pages} />`}
  </div>`;
}

/** @param {{shown: import('../core/moment.js').Shown}} props */
function Topics({ shown }) {
  const { topic, state } = shown;
  const query = queryOf(shown);
  const tabs = useRef(/** @type {HTMLElement | null} */ (null));
  // In a narrow window there is room for a few only: the one that is shown is in sight.
  useEffect(() => {
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [topic]);
  return html`<nav class="tabs" aria-label="Topics" ref=${tabs}>
    ${domain.value?.topics.map(
      ({ name }) =>
        html`<a key=${name} href=${href(['state', name], query)} aria-current=${name === topic ? 'true' : null} class=${state.change?.topic === name ? 'touched' : ''}
          >${name} <span class="count">${count(state.counts[name])}</span></a>`,
    )}
  </nav>`;
}
