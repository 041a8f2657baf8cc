import { html } from '../core/html.js';

/** @param {{name: string, percent: number}} props */
export const Meter = ({ name, percent }) =>
  html`<span class="meter" role="progressbar" aria-label=${name} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${percent}
    ><i style=${{ width: `${percent}%` }}></i></span
  >`;
