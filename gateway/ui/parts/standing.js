/** How far everybody has come who reads the log, and what waits in the queues. */

import { count, duration, rate } from '../core/format.js';
import { html } from '../core/html.js';
import { pulse, rateOf } from '../core/pulse.js';
import { href } from '../core/route.js';

/** From how many events on a lag is worth a look. */
const LATE = 1_000;

/** @param {number} lag */
const howLate = (lag) => (lag === 0 ? 'good' : lag < LATE ? '' : 'warn');

/**
 * The figures that one looks at first.
 *
 * @param {{status: any}} props
 */
export function Figures({ status }) {
  const waiting = status.queues.reduce((/** @type {number} */ sum, /** @type {any} */ queue) => sum + queue.waiting + queue.claimed, 0);
  const dead = status.queues.reduce((/** @type {number} */ sum, /** @type {any} */ queue) => sum + queue.dead, 0);
  const lag = status.read_model.lag;
  return html`<div class="figures">
    <${Figure} name="log entries" value=${count(status.head.number)} title="Events, and the decisions of sagas that changed nothing" />
    <div class="figure pulse"><span>events/s, last minute</span><b>${rate(rateOf(pulse.value))}</b><${Spark} /></div>
    <${Figure} name="read model behind" value=${count(lag)} tone=${howLate(lag)} />
    <${Figure} name="commands waiting" value=${count(waiting)} />
    <${Figure} name="dead letters" value=${count(dead)} tone=${dead ? 'bad' : ''} />
    <${Figure} name="parked" value=${count(status.parked)} tone=${status.parked ? 'warn' : ''} />
    <${Figure} name="up for" value=${duration(status.uptime_seconds)} />
  </div>`;
}

/** @param {{name: string, value: string, tone?: string, title?: string}} props */
const Figure = ({ name, value, tone, title }) => html`<div class="figure" title=${title}><span>${name}</span><b class=${tone}>${value}</b></div>`;

/** Events in each second of the last minute. */
function Spark() {
  const seconds = pulse.value;
  const most = Math.max(1, ...seconds);
  const said = `Events in each of the last ${seconds.length} seconds; ${count(most)} at most`;
  return html`<svg class="spark" preserveAspectRatio="none" viewBox=${`0 0 ${seconds.length * 3} 24`} role="img" aria-label=${said}>
    ${seconds.map((events, index) => {
      const height = events === 0 ? 1 : 2 + (22 * events) / most;
      return html`<rect x=${index * 3} y=${24 - height} width="2" height=${height} class=${events ? '' : 'empty'} />`;
    })}
  </svg>`;
}

/**
 * @param {{status: any}} props
 */
export function Consumers({ status }) {
  const rows = [
    { consumer: 'read model', lag: status.read_model.lag },
    ...(status.timeline.standing ? [{ consumer: 'timeline', lag: status.timeline.lag }] : []),
    ...status.consumers,
  ];
  return html`<table class="plain">
    <thead><tr><th scope="col">consumer</th><th scope="col" class="number">behind</th></tr></thead>
    <tbody>
      ${rows.map(
        ({ consumer, lag }) =>
          html`<tr key=${consumer}><td>${consumer}</td><td class=${`number ${howLate(lag)}`}>${count(lag)}</td></tr>`,
      )}
    </tbody>
  </table>`;
}

/**
 * @param {{queues: any[]}} props
 */
export const Depths = ({ queues }) =>
  html`<table class="plain">
    <thead>
      <tr>
        <th scope="col">service</th>
        <th scope="col" class="number">waiting</th>
        <th scope="col" class="number">claimed</th>
        <th scope="col" class="number">dead</th>
      </tr>
    </thead>
    <tbody>
      ${queues.map(
        (queue) =>
          html`<tr key=${queue.service}>
            <td><a href=${href(['queues', queue.service])}>${queue.service.replace(/-service$/, '')}</a></td>
            <td class="number">${count(queue.waiting)}</td>
            <td class="number">${count(queue.claimed)}</td>
            <td class=${`number ${queue.dead ? 'bad' : ''}`}>${count(queue.dead)}</td>
          </tr>`,
      )}
    </tbody>
  </table>`;
