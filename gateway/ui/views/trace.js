/** Why an event happened and what came of it, drawn as a tree. */

import { useAnswer, useFollowed } from '../core/asking.js';
import { between, plural } from '../core/format.js';
import { html, useEffect, useMemo, useState } from '../core/html.js';
import { href, route, setQuery } from '../core/route.js';
import { branches, foldedAtFirst, nodesOf, pathTo } from '../core/tree.js';
import { Id } from '../parts/data.js';
import { Detail } from '../parts/node.js';
import { Unsearched } from '../parts/origin.js';
import { Answer } from '../parts/problem.js';
import { AskEvent } from '../parts/askevent.js';
import { dataOf, endsOf, labelsOf, traceOf } from '../parts/tracing.js';
import { Tree } from '../parts/tree.js';

/** @typedef {import('../core/types.js').Trace} Trace */
/** @typedef {import('../core/tree.js').Node} Node */

export default function View() {
  const { parts, query } = route.value;
  const [id] = parts;
  if (!id) return html`<${AskEvent} log=${query.log} />`;
  return html`<${Traced} key=${JSON.stringify([id, query.at, query.log])} id=${id} at=${query.at} log=${query.log} />`;
}

/** @param {{id: string, at?: string, log?: string}} props */
function Traced({ id, at, log }) {
  const asked = useAnswer((signal) => traceOf(id, { at, log }, signal), [id, at, log], { isFresh: true });
  const nodes = useMemo(() => (asked.answer ? nodesOf(asked.answer.root) : []), [asked.answer]);
  const ids = useMemo(() => new Set(nodes.map((node) => node.id)), [nodes]);
  const isFollowing = !at && !log;
  const isOfIt = (/** @type {import('../core/types.js').LogEvent} */ { event_id, cause, command }) =>
    !ids.has(event_id) && (ids.has(cause ?? '') || ids.has(command ?? ''));
  useFollowed(asked, isFollowing ? isOfIt : null);
  return html`<div class="view trace">
    <header class="head">
      <h1>Trace <${Id} value=${id} /></h1>
      ${asked.answer && html`<p class="hint" role="status">${summary(asked.answer, nodes)}</p>`}
      <span class="grow"></span>
      <p class="buttons">
        ${at && html`<a class="button" href=${href(['trace', id], { log })}>Up to now</a>`}
        <a class="button" href=${href(['trace'], { log })}>Another event</a>
      </p>
    </header>
    <${Answer} asked=${asked}>
      ${(/** @type {Trace} */ trace) => html`<${Drawn} trace=${trace} nodes=${nodes} id=${id} at=${at} log=${log} />`}
    </${Answer}>
  </div>`;
}

/**
 * @param {Trace} trace
 * @param {Node[]} nodes
 */
function summary({ events }, nodes) {
  const commands = nodes.filter(({ what }) => what.kind === 'command').length;
  const sagas = new Set(nodes.flatMap(({ what }) => what.handler ?? [])).size;
  const ends = endsOf(nodes);
  const told = [events > 0 && plural(events, 'event'), commands > 0 && plural(commands, 'command'), sagas > 0 && plural(sagas, 'saga')];
  return `${told.filter(Boolean).join(', ')}${ends && ends[0] !== ends[1] ? `, over ${between(...ends)}` : ''}`;
}

/** @param {{trace: Trace, nodes: Node[], id: string, at?: string | undefined, log?: string | undefined}} props */
function Drawn({ trace, nodes, id, at, log }) {
  const root = /** @type {Node} */ (nodes[0]);
  const data = useAnswer((signal) => dataOf(nodes, log, signal), [nodes, log]);
  const labels = useMemo(() => labelsOf(data.answer ?? new Map()), [data.answer]);
  const [folded, setFolded] = useState(() => foldedAtFirst(nodes));
  const asked = nodes.find(({ what }) => what.asked) ?? root;
  const open = nodes.find((node) => node.id === route.value.query.node) ?? asked;
  const start = endsOf(nodes)?.[0] ?? null;
  const fold = (/** @type {string} */ id) => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  };
  // What is looked at can be seen, even in a branch that was folded.
  useEffect(() => {
    const path = pathTo(open.parent);
    setFolded((folded) => ([...path].some((id) => folded.has(id)) ? new Set([...folded].filter((id) => !path.has(id))) : folded));
  }, [open.id]);
  const foldable = branches(nodes).filter(({ depth }) => depth > 0);
  const all = folded.size > 0 ? () => setFolded(new Set()) : () => setFolded(new Set(foldable.map((node) => node.id)));
  const isInferred = nodes.some(({ what }) => what.inferred);
  return html`
    ${!trace.searched && html`<${Unsearched} />`}
    ${trace.truncated && html`<p class="notice">There is more than is shown: a tree has at most 1,000 events and 50 levels. The trace of an event further down shows what came of it.</p>`}
    <div class="drawn">
      <section class="panel flush" aria-label="Tree">
        <${Tree} root=${root} start=${start} labels=${labels} open=${open.id} folded=${folded} onFold=${fold}
          onOpen=${(/** @type {string} */ node) => setQuery({ node: node === id ? null : node })} />
        <footer class="head hint">
          <span><span class="here">◆</span> asked for</span>
          ${isInferred && html`<span><i class="dashes"></i> inferred: nobody recorded it, today’s saga would do so</span>`}
          <span class="grow"></span>
          ${foldable.length > 1 && html`<button class="more" onClick=${all}>${folded.size > 0 ? 'Unfold all' : 'Fold all'}</button>`}
        </footer>
      </section>
      <${Detail} node=${open} start=${start} data=${data.answer?.get(open.id)?.data} at=${at} log=${log} />
    </div>
  `;
}
