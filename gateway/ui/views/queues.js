/** Commands on their way: what waits, what is in hand, what has failed for good; and what consumers have set aside. */

import { api, get } from '../core/api.js';
import { usePolled } from '../core/asking.js';
import { count, plural } from '../core/format.js';
import { html } from '../core/html.js';
import { href, route } from '../core/route.js';
import { visible } from '../parts/data.js';
import { Answer, Problem } from '../parts/problem.js';
import { Commands } from './queues/commands.js';
import { Fate } from './queues/fate.js';
import { Parked } from './queues/parked.js';

/** @typedef {import('./queues/types.js').Depth} Depth */
/** @typedef {import('./queues/types.js').State} State */

/** How often it is asked how full the queues are, milliseconds. */
const EVERY = 1_000;

/** @type {State[]} */
const STATES = ['waiting', 'claimed', 'dead'];

export default function Queues() {
  const asked = usePolled((signal) => get(api('queues'), {}, { signal }), EVERY);
  const [service] = route.value.parts;
  const { command } = route.value.query;
  return html`<div class=${`view queues ${service ? 'one-service' : ''}`}>
    <header class="head">
      <h1>Queues</h1>
      ${service && html`<a class="back" href=${href(['queues'])}>All services</a>`}
      <p class="hint">Commands that services have still to decide, those that failed every attempt, and what was parked.</p>
    </header>
    <${Answer} asked=${asked}>${(/** @type {Depth[]} */ depths) => html`
      <${Depths} depths=${depths} chosen=${service} />
      <div class="one">
        ${service && command && html`<${Fate} key=${command} id=${command} />`}
        ${service
          ? html`<${One} service=${service} depth=${depths.find((depth) => depth.service === service)} />`
          : html`<section class="panel"><p class="nothing">${hint(depths)}</p></section>
              <${Parked} />`}
      </div>
    `}</${Answer}>
  </div>`;
}

/**
 * What to look at.
 *
 * @param {Depth[]} depths
 */
function hint(depths) {
  const dead = depths.filter((depth) => depth.dead > 0);
  if (dead.length > 0) {
    const link = (/** @type {Depth} */ { service, dead }) => html`<a href=${href(['queues', service], { state: 'dead' })}>${`${plural(dead, 'dead letter')} of ${service}`}</a> `;
    return html`Somebody should look at ${dead.map(link)}`;
  }
  const isIdle = depths.every((depth) => depth.waiting + depth.claimed === 0);
  return isIdle ? 'Every command has been decided. One that comes is counted here at once.' : 'Choose a service to see its commands.';
}

/**
 * All services; those with dead letters stand out.
 *
 * @param {{depths: Depth[], chosen: string | undefined}} props
 */
function Depths({ depths, chosen }) {
  const number = (/** @type {Depth} */ depth, /** @type {State} */ state) => {
    const many = depth[state];
    const tone = many === 0 ? 'none' : state === 'dead' ? 'bad' : '';
    const at = href(['queues', depth.service], { state });
    return html`<td class="number"><a class=${tone} href=${at} aria-label=${`${depth.service}: ${many} ${state}`}>${count(many)}</a></td>`;
  };
  const sum = (/** @type {State} */ state) => depths.reduce((all, depth) => all + depth[state], 0);
  return html`<section class="panel flush depths" aria-label="Services">
    <table>
      <thead>
        <tr><th scope="col">service</th>${STATES.map((state) => html`<th scope="col" class="number">${state}</th>`)}</tr>
      </thead>
      <tbody>
        ${depths.map(
          (depth) =>
            html`<tr key=${depth.service} class=${depth.service === chosen ? 'picked' : ''}>
              <th scope="row"><a href=${href(['queues', depth.service])} aria-current=${depth.service === chosen ? 'true' : null}
                >${depth.service.replace(/-service$/, '')}</a></th>
              ${STATES.map((state) => number(depth, state))}
            </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr><th scope="row">all</th>${STATES.map((state) => html`<td class="number">${count(sum(state))}</td>`)}</tr>
      </tfoot>
    </table>
  </section>`;
}

/**
 * One service's commands, one state at a time.
 *
 * @param {{service: string, depth: Depth | undefined}} props
 */
function One({ service, depth }) {
  if (!depth) return html`<${Problem} error=${new Error(`There is no service ${visible(service)}.`)} />`;
  const { state: asked } = route.value.query;
  // Whoever says nothing is shown what is worth a look.
  const state = STATES.find((state) => state === asked) ?? (depth.dead ? 'dead' : depth.waiting || !depth.claimed ? 'waiting' : 'claimed');
  return html`<section class="panel flush" aria-labelledby="service">
    <div class="title"><h2 id="service">${service}</h2></div>
    <nav class="tabs" aria-label=${`Commands of ${service}`}>
      ${STATES.map(
        (one) =>
          html`<a href=${href(['queues', service], { state: one })} aria-current=${one === state ? 'true' : null}
            >${one} <b class=${one === 'dead' && depth.dead ? 'bad' : ''}>${count(depth[one])}</b></a
          >`,
      )}
    </nav>
    <${Commands} key=${`${service} ${state}`} service=${service} state=${state} />
  </section>`;
}
