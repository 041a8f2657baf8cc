/** A node of a trace. */

import { html } from '../core/html.js';
import { plural } from '../core/format.js';
import { serviceOf, WIDE } from '../core/tree.js';
import { Chip, Id, verbOf, visible } from './data.js';

/** @typedef {import('../core/tree.js').Node} Node */

/**
 * @param {{node: Node, x: number, y: number, hue: string, label: string, since: string, isOpen: boolean, isStop: boolean,
 *   isFolded: boolean, sizes: import('../core/tree.js').Sizes, onChoose: (id: string) => void,
 *   onFold: (id: string) => void}} props
 */
export function Card({ node, x, y, hue, label, since, isOpen, isStop, isFolded, sizes, onChoose, onFold }) {
  const { what, effects, parent, depth, id } = node;
  const { kind, event, handler, inferred, asked, fate } = what;
  const siblings = parent?.effects ?? [node];
  const isWide = sizes === WIDE;
  const fold = (/** @type {Event} */ pressed) => {
    pressed.stopPropagation();
    onFold(id);
  };
  const by = handler && html`<span class="by" title=${`Saga ${handler} reacted${inferred ? `; inferred, ${inferred}` : ''}`}
    >${handler}</span
  >${inferred && html`<i class="fit">${inferred}</i>`}`;
  const names = ['card', kind, hue, fate?.status, asked && 'asked', effects.length > 0 && 'branch', isOpen && 'open'];
  return html`
    ${isWide && by && html`<div class="edge" aria-hidden="true" style=${{ left: `${x - sizes.across}px`, top: `${y}px` }}>${by}</div>`}
    <div
      class=${names.filter(Boolean).join(' ')}
      role="treeitem"
      data-id=${id}
      style=${{ left: `${x}px`, top: `${y}px`, width: `${sizes.width}px`, height: `${sizes.height}px` }}
      tabindex=${isStop ? 0 : -1}
      aria-level=${depth + 1}
      aria-setsize=${siblings.length}
      aria-posinset=${siblings.indexOf(node) + 1}
      aria-selected=${isOpen}
      aria-current=${asked ? 'true' : null}
      aria-expanded=${effects.length > 0 ? !isFolded : null}
      onClick=${() => onChoose(id)}
    >
      <div class="what">
        ${event ? html`<${Chip} topic=${event.topic} /> <b>${verbOf(event)}</b>` : html`<b>${kind === 'missing' ? 'not in the log' : 'command'}</b>`}
        ${asked && html`<span class="here" title="This was asked for" aria-hidden="true">◆</span><span class="unseen">asked for</span>`}
      </div>
      <div class="more">
        ${!isWide && by}
        <bdi>${event ? visible(label) : serviceOf(node) ?? html`<${Id} value=${id} />`}</bdi>${' '}
        ${isWide && handler && html`<span class="unseen">by saga ${handler}${inferred && `, inferred, ${inferred}`}</span>`}
        <span class="since">${event ? since : fate?.status ?? (kind === 'command' && !handler ? 'client' : '')}</span>
      </div>
      ${effects.length > 0 &&
      html`<span class="fold" aria-hidden="true" onClick=${fold} title=${isFolded ? `Show ${plural(node.below, 'node')}` : 'Fold'}
        >${isFolded ? `+${node.below}` : '−'}</span
      >`}
    </div>
  `;
}
