/** Divergences by what they have in common, most of them first; those of one kind are shown below. */

import { count, plural } from '../../core/format.js';
import { html } from '../../core/html.js';
import { route, setQuery } from '../../core/route.js';
import { Chip, verbOf } from '../../parts/data.js';
import { Diverging, idOf } from './divergence.js';
import { groupsOf, KINDS, nameOf } from './words.js';

/** @typedef {import('./types.js').Report} Report */
/** @typedef {import('./types.js').Group} Group */

/** What `event` is in an address where everything is folded. */
const NONE = 'none';

/** @param {{report: Report, log?: string | undefined}} props */
export function Groups({ report, log }) {
  const groups = [...report.groups].sort((a, b) => b.divergent - a.divergent || b.following - a.following);
  const { group: wanted } = route.value.query;
  const chosen = groups.find((group) => nameOf(group) === wanted) ?? groups[0];
  if (!chosen) return null;
  return html`<section class="panel flush groups" aria-labelledby="groups">
      <div class="title">
        <h2 id="groups">Differences by kind</h2>
        <p class="hint">A decision that differs in two ways is counted in both.</p>
      </div>
      <ul>
        ${groups.map((group) => {
          const name = nameOf(group);
          const choose = () => setQuery({ group: name, event: null });
          return html`<li key=${name}>
            <button class="group" aria-pressed=${group === chosen} onClick=${choose}><${Kind} ...${group} /></button>
          </li>`;
        })}
      </ul>
    </section>
    <${Members} key=${nameOf(chosen)} group=${chosen} report=${report} log=${log} />`;
}

/** @param {Group} props */
function Kind({ handler, on, kind, effect, fields, divergent, following }) {
  const [name, meaning] = KINDS[kind];
  return html`<span class="many">${count(divergent)}</span>
    <span class="kind">
      <span>Saga <b>${handler}</b> on ${on ? html`<${Sort} what=${on} />` : 'an unknown event'}</span>
      <span><b class="bad">${name}</b> ${effect && html`<${Sort} what=${effect} />`}${fields.length > 0 && html` <b>${fields.join(', ')}</b>`}</span>
      <small>${meaning}${following > 0 && `; ${count(following)} more in consequence`}</small>
    </span>`;
}

/** @param {{what: string}} props a topic and an action */
function Sort({ what }) {
  const [topic = '', action = ''] = what.split(' ');
  return html`<span><${Chip} topic=${topic} /> ${verbOf({ topic, action })}</span>`;
}

/** @param {{group: Group, report: Report, log?: string | undefined}} props */
function Members({ group, report, log }) {
  const name = nameOf(group);
  const isOf = (/** @type {import('./types.js').Divergence} */ divergence) => groupsOf(divergence).includes(name);
  const roots = report.divergences.filter(isOf);
  // What only follows from others is told there; a group of nothing else has to tell them itself.
  const shown = roots.length > 0 ? roots : report.following.filter(isOf);
  const all = roots.length > 0 ? group.divergent : group.following;
  const first = shown[0] && idOf(shown[0]);
  const open = route.value.query.event ?? first;
  const turn = (/** @type {string} */ id) => setQuery({ group: name, event: id === open ? NONE : id });
  return html`<section class="panel flush" aria-labelledby="members">
    <div class="title"><h2 id="members">${roots.length > 0 ? 'Decisions that differ so' : 'Decisions that differ so, as others do'}</h2></div>
    <ul class="members">
      ${shown.map((divergence) => {
        const id = idOf(divergence);
        const following = roots.length > 0 ? report.following : [];
        return html`<${Diverging} key=${id} divergence=${divergence} following=${following} log=${log} isOpen=${id === open} onOpen=${() => turn(id)} />`;
      })}
      ${all > shown.length && html`<li class="hint rest">${`And ${plural(all - shown.length, 'more difference', 'more differences')} of this kind. A range that is narrower shows them.`}</li>`}
    </ul>
  </section>`;
}
