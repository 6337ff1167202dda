/**
 * The case file as one HTML page: for the ticket, the mail, the review on the morning after. It loads nothing, runs
 * nothing, and every text in it is escaped: what it quotes comes from other systems.
 */
import type { CaseFile } from '../client/index.js';
import type { RungView } from '../domain/case.js';
import type {
  AlertHeard,
  Decision,
  Entry,
  Finding,
  Message,
  Pass,
  Step,
  Submission,
  Wait,
} from '../domain/case-file/shape.js';
import { undoCommands } from '../domain/group-offsets.js';
import { sayRange } from '../domain/skipped.js';
import { STYLE } from './case-style.js';
import { escaped, html, Html, type Part } from './html.js';
import { clock, lasting } from '../domain/words.js';

/** @param link of the case in the Temporal UI; null: none is known. */
export function caseHtml(file: CaseFile, link: string | null): string {
  const { job, cluster, opened } = file;
  const title = `${job ?? 'unknown job'} on ${cluster ?? 'unknown cluster'}`;
  const since = opened?.at ?? file.executions[0]?.started ?? 0;
  const body = html`
    <header>
      <h1>${title} ${badge(stateOf(file), toneOf(file))}</h1>
      <p class="lead">${file.state.because}</p>
      ${facts(file, link)}
    </header>
    ${missing(file)} ${restored(file)} ${left(file)}
    <section>
      <h2>What happened</h2>
      <ol class="story">
        ${file.story.map((entry) => html`<li>${told(entry, since)}</li>`)}
      </ol>
    </section>
    ${section('Ladder, as it was last seen', ladder(file.ladder))}
    ${section('Submissions', file.submissions.map(submission))} ${section('Changed outside', changes(file))}
    ${section('Alerts', alerts(file))} ${section('Notices', notices(file))}
    ${section('Policy, frozen with the case', policy(file))} ${section('How it ran', runs(file))}
  `;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(`${title}: ${stateOf(file)}`)}</title>
<style>${STYLE}</style>
</head>
<body>
${body.text}
</body>
</html>
`;
}

type Tone = 'good' | 'bad' | 'wait' | 'plain';

const NOTHING = new Html('');
const badge = (text: string, tone: Tone): Html => html`<span class="badge ${tone}">${text}</span>`;
const section = (title: string, content: Part): Html =>
  (Array.isArray(content) && content.length === 0) || content === NOTHING
    ? NOTHING
    : html`<section>
        <h2>${title}</h2>
        ${content}
      </section>`;
const time = (ms: number): Html => html`<time datetime="${new Date(ms).toISOString()}">${clock(ms)}</time>`;
const code = (text: string): Html => html`<code>${text}</code>`;
const lines = (rows: readonly (readonly [string, Part])[]): Html =>
  html`<dl>
    ${rows.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;

const stateOf = ({ state }: CaseFile): string =>
  state.is === 'open' ? 'open' : (state.outcome ?? (state.is === 'failed' ? 'aborted' : state.is));

function toneOf({ state }: CaseFile): Tone {
  if (state.is === 'open') return 'wait';
  if (state.outcome === 'resumed' || state.outcome === 'healthy') return 'good';
  return state.outcome === null || state.outcome === 'resumed with a gap' ? 'bad' : 'plain';
}

function facts(file: CaseFile, link: string | null): Html {
  const { opened, state, attempts } = file;
  const rows: (readonly [string, Part])[] = [];
  if (opened !== null) rows.push(['Opened', html`${time(opened.at)} UTC, ${opened.because}`]);
  if (state.at !== null)
    rows.push([
      'Ended',
      html`${time(state.at)} UTC${opened === null ? '' : `, after ${lasting(state.at - opened.at)}`}`,
    ]);
  rows.push([
    'Failed attempts',
    `${attempts.failed}${attempts.granted === null ? '' : ` of ${attempts.granted}`}`,
  ]);
  if (state.goesOnAs !== null) rows.push(['Goes on as', code(state.goesOnAs)]);
  if (link !== null && /^https?:\/\//.test(link))
    rows.push(['Temporal', html`<a href="${link}" rel="noreferrer">${link}</a>`]);
  return lines(rows);
}

const missing = ({ missing: gaps, unknownEvents }: CaseFile): Html => {
  const unknown = Object.entries(unknownEvents).map(([name, n]) => `${n} events ${name} are not known here`);
  const all = [...gaps, ...unknown];
  return all.length === 0
    ? NOTHING
    : html`<aside class="warn">
        <h2>This file is not complete</h2>
        <ul>
          ${all.map((why) => html`<li>${why}</li>`)}
        </ul>
      </aside>`;
};

function restored({ restored: r }: CaseFile): Html {
  if (r === null) return NOTHING;
  const skipped = r.skipped ?? [];
  return section('Restored', [
    lines([
      ['From', code(r.point)],
      ['As run', code(r.run)],
      ['Submitted', html`${time(r.submittedAt)} UTC`],
      ['Proved', r.provedAt === null ? 'not yet' : html`${time(r.provedAt)} UTC`],
    ]),
    html`<ul class="proofs">
      ${r.proofs.map((proof) => html`<li>${proof}</li>`)}
    </ul>`,
    skipped.length === 0
      ? NOTHING
      : html`<h3>Records that were not read</h3>
          <ul>
            ${skipped.map((s) => html`<li>${sayRange(s)}</li>`)}
          </ul>`,
  ]);
}

function left({ left: ledger }: CaseFile): Html {
  if (ledger === null) return NOTHING;
  const { because, closed, openSubmission, timeLeft, next } = ledger;
  return section(
    'Left behind',
    lines([
      ['Because', because === null ? 'not told' : `${because.code}: ${because.message}`],
      ['Closed by', closed === null ? 'policy afterAbort: fail' : `${closed.by}: ${closed.reason}`],
      [
        'In doubt',
        openSubmission === null
          ? 'nothing'
          : `whether Flink took run ${openSubmission.run} from ${openSubmission.point}`,
      ],
      ...timeLeft.map((t): readonly [string, Part] => [
        'Lasts',
        `${t.what}: ${t.until === null ? 'no end by itself' : `until ${clock(t.until)} UTC`}; then ${t.then}`,
      ]),
      ['To begin anew', code(next)],
    ]),
  );
}

// ── The story ───────────────────────────────────────────────────────────────────────────────────────────────────

const when = (at: number, since: number): Html =>
  html`<span class="when">${time(at)}<br /><small>+${lasting(at - since)}</small></span>`;

function told(entry: Entry, since: number): Html {
  switch (entry.is) {
    case 'pass':
      return pass(entry, since);
    case 'wait':
      return wait(entry, since);
    case 'message':
      return message(entry, since);
    case 'alert':
      return alert(entry, since);
    case 'continued':
      return html`${when(entry.at, since)}
        <p>The history grew long: the case goes on as ${code(entry.as)}.</p>`;
    default:
      return entry satisfies never;
  }
}

const ENDS: Readonly<Record<Pass['end']['is'], Tone>> = {
  failed: 'bad',
  resumed: 'good',
  asks: 'wait',
  waits: 'wait',
  aborted: 'bad',
  left: 'good',
  again: 'plain',
  'at work': 'wait',
  'not told': 'bad',
};

const pass = (p: Pass, since: number): Html => html`
  ${when(p.from, since)}
  <details open>
    <summary>
      <b>Attempt ${p.attempt}${p.attempts === null ? '' : ` of ${p.attempts}`}</b>
      ${badge(p.end.is, p.end.is === 'resumed' && p.end.fault !== null ? 'bad' : ENDS[p.end.is])}
      <span>${p.end.because}</span>
    </summary>
    <ol class="decisions">
      ${p.decisions.map((d) => html`<li>${decision(d)}</li>`)}
    </ol>
  </details>
`;

const decision = (d: Decision): Html => html`
  <p>
    <b>${d.what}</b>
    ${d.taken === 'yes' ? '' : badge(d.taken, d.taken === 'differs' ? 'bad' : 'wait')}
    <span class="because">because ${d.because}</span>
  </p>
  ${d.consent.map((c) => html`<p class="consent">${c.by} agreed to “${c.to}”: ${c.reason}</p>`)}
  ${d.instead === null ? NOTHING : html`<p class="instead">Instead: ${d.instead}</p>`} ${d.steps.map(step)}
`;

const MARKS: Readonly<Record<Finding['is'], string>> = {
  present: '✓',
  absent: '–',
  unknown: '?',
  sound: '✓',
  broken: '✗',
  proof: '✓',
  note: '·',
};

function step(s: Step): Html {
  const took = s.to === null ? '' : `, ${((s.to - s.from) / 1000).toFixed(1)} s`;
  const again = s.tries > 1 ? `, begun ${s.tries} times${s.lost === null ? '' : ` (${s.lost})`}` : '';
  const head = html`<span class="step">${s.name}</span> ${s.found}
    <small>${clock(s.from)}${took}${again}</small>`;
  if (s.findings.length === 0) return html`<div class="step-line ${tone(s)}">${head}</div>`;
  return html`<details class="step-line ${tone(s)}">
    <summary>${head}</summary>
    <ul class="findings">
      ${s.findings.map(finding)}
    </ul>
  </details>`;
}

const tone = (s: Step): Tone => (s.answer === 'failed' ? 'bad' : s.answer === 'found' ? 'plain' : 'wait');

const finding = (f: Finding): Html =>
  html`<li class="${f.is}">
    <span class="mark" title="${f.is}">${MARKS[f.is]}</span> <b>${f.of}</b>: ${f.text}
  </li>`;

function wait(w: Wait, since: number): Html {
  const took = w.to === null ? 'and goes on' : `for ${lasting(w.to - w.from)}`;
  const { question: q, endedBy } = w;
  return html`
    ${when(w.from, since)}
    <p>
      <b>${w.for === 'release' ? 'Held' : `Waited for ${w.for}`}</b> ${took}
      <span class="because">because ${w.because}</span>
    </p>
    ${
      q === null
        ? NOTHING
        : html`<blockquote>
            ${q.text} ${q.approves === null ? '' : `Yes means: ${q.approves}.`}
            ${
              q.choices.length === 0
                ? NOTHING
                : html`<ul>
                    ${q.choices.map((c) => html`<li>${code(c)}</li>`)}
                  </ul>`
            }
          </blockquote>`
    }
    ${w.steps.map(step)}
    ${
      endedBy === null
        ? w.until === null
          ? NOTHING
          : html`<p class="because">at most until ${time(w.until)} UTC</p>`
        : html`<p>Ended ${time(endedBy.at)} UTC: ${endedBy.text}</p>`
    }
  `;
}

const message = (m: Message, since: number): Html => html`
  ${when(m.at, since)}
  <p>
    <b>${m.by}</b> said ${badge(m.kind, 'plain')}${m.path === null ? '' : html` ${code(m.path)}`}: ${m.reason}
    ${m.refused === null ? '' : html`<span class="instead">Refused: ${m.refused}</span>`}
  </p>
`;

const alert = (a: AlertHeard, since: number): Html => html`
  ${when(a.at, since)}
  <p>Alert ${a.kind}${a.repeated ? ' again' : ''} by <b>${a.source}</b>: ${a.summary}</p>
`;

// ── What there is besides ───────────────────────────────────────────────────────────────────────────────────────

const table = (head: readonly string[], rows: readonly (readonly Part[])[]): Part =>
  rows.length === 0
    ? []
    : html`<table>
        <thead>
          <tr>
            ${head.map((h) => html`<th scope="col">${h}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                ${row.map((cell) => html`<td>${cell}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>`;

const VERDICTS: Readonly<Record<RungView['verdict'], Tone>> = {
  sound: 'good',
  broken: 'bad',
  unknown: 'wait',
  'not read': 'plain',
};

const ladder = (rungs: readonly RungView[]): Part =>
  table(
    ['Verdict', 'Restore point', 'Named by', 'Why'],
    rungs.map((r) => [badge(r.verdict, VERDICTS[r.verdict]), code(r.path), r.sources.join(', '), r.because]),
  );

const submission = (s: Submission): Html =>
  lines([
    ['At', html`${time(s.at)} UTC, attempt ${s.attempt}`],
    ['Point', code(s.point)],
    ['Run', s.shown === s.run ? code(s.run) : html`${code(s.run)}, which Flink shows as ${code(s.shown)}`],
    ['Because', s.because],
    ...(s.sha256 === null ? [] : [['SHA-256 of its metadata', code(s.sha256)] as const]),
    ['Flink', `${s.answer}${s.fault === null ? '' : `: ${s.fault.code}: ${s.fault.message}`}`],
    [
      'Verified before',
      html`<ul class="findings">
        ${s.verified.map(finding)}
      </ul>`,
    ],
    ['Proved', s.provedAt === null ? 'no' : html`${time(s.provedAt)} UTC: ${s.proofs.join('; ')}`],
  ]);

/** Everything that was changed in other systems, and how to undo it. */
function changes({ undo, repairs, stops, starts }: CaseFile): readonly Html[] {
  return [
    ...undo.map(({ at, group, before, changed }) => {
      const commands = undoCommands({ group, before });
      return lines([
        ['At', html`${time(at)} UTC`],
        ['Consumer group', html`${code(group)}: ${changed} partitions brought to the positions of the state`],
        ...(commands.length === 0
          ? []
          : [['To give it back what it had', html`<pre>${commands.join('\n')}</pre>`] as const]),
      ]);
    }),
    ...repairs.map(({ at, from, to, was }) =>
      lines([
        ['At', html`${time(at)} UTC`],
        ['Renamed', html`${code(from)} (${was.length} bytes) to ${code(to)}`],
        ['Undo', 'rename it back'],
      ]),
    ),
    ...stops.map(({ at, run, savepoint, because }) =>
      lines([
        ['At', html`${time(at)} UTC`],
        ['Stopped', html`run ${code(run)}: ${because}`],
        ['Savepoint before', savepoint === null ? 'none was needed' : code(savepoint)],
      ]),
    ),
    ...starts.map(({ at, run, leader, proofs }) =>
      lines([
        ['At', html`${time(at)} UTC`],
        ['Started', html`a JobManager, for run ${code(run)}: ${proofs.join('; ')}`],
        ['Then', leader === null ? 'nobody led within a minute' : html`${code(leader)} led`],
      ]),
    ),
  ];
}

const alerts = ({ alerts: seen, alertsHeard }: CaseFile): Part =>
  seen.length === 0
    ? []
    : [
        html`<p>${alertsHeard} heard, repetitions included.</p>`,
        table(
          ['Began (UTC)', 'Source', 'Summary'],
          seen.map(({ alert: a }) => [time(a.startedAt), a.source, a.summary]),
        ),
      ];

const notices = ({ notices: sent }: CaseFile): Part =>
  table(
    ['At (UTC)', 'Notice', 'Sent'],
    sent.map((n) => [time(n.at), n.what, n.sent]),
  );

const policy = ({ policy: p, configDigest }: CaseFile): Part =>
  p === null
    ? []
    : [
        html`<p>SHA-256 of the configuration: ${code(configDigest ?? 'not told')}</p>`,
        table(
          ['Setting', 'Value (times in milliseconds)'],
          Object.entries(p).map(([name, value]) => [
            code(name),
            typeof value === 'string' ? value : JSON.stringify(value),
          ]),
        ),
      ];

const runs = ({ executions, technical }: CaseFile): Part => [
  table(
    ['Execution', 'Began (UTC)', 'Ended (UTC)', 'How', 'Events'],
    executions.map((e) => [
      code(e.runId),
      time(e.started),
      e.ended === null ? '' : time(e.ended),
      e.how,
      String(e.events),
    ]),
  ),
  technical.length === 0
    ? NOTHING
    : html`<h3>Done again by worker or server (no attempts)</h3>
        <ul>
          ${technical.map((t) => html`<li>${time(t.at)}: ${t.what}</li>`)}
        </ul>`,
];
