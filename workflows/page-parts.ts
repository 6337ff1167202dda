/** Parts of the page of a case in the Temporal UI, as Markdown: its question, its ladder, the time that is left. */
import type { Phase, RungView } from '../domain/case.js';
import type { Question } from '../domain/desk.js';
import type { TimeLeft } from '../domain/time-left.js';
import { clock, lasting, oneLine } from '../domain/words.js';

/** The question with everything that is needed to answer it from the Temporal UI: updates, and their exact input. */
export function questionLines(question: Question): readonly string[] {
  const answer = (more: object = {}): string =>
    JSON.stringify({ by: 'YOUR NAME', reason: 'WHY', question: question.id, ...more });
  const lines = [
    '',
    `## Question ${question.id}`,
    '',
    question.text,
    '',
    ...question.facts.map((fact) => `- ${fact}`),
    '',
    `Asked ${clock(question.askedAt)} UTC; asked anew after a fresh look at ${clock(question.expiresAt)} UTC.`,
    '',
    'To answer on this page: **More Actions**, **Send an Update**, the name, and this as _Data_ with your name and reason.',
  ];
  if (question.approves !== null)
    lines.push(...update('approve', `does this: ${question.approves}`, answer()));
  for (const path of question.choices.slice(0, 5))
    lines.push(...update('chooseRestorePoint', `restores ${path}`, answer({ path })));
  lines.push(...update('reject', 'does nothing and aborts the case', answer()));
  return [...lines, ...update('retryNow', 'looks again at once', SIGNED)];
}

const SIGNED = JSON.stringify({ by: 'YOUR NAME', reason: 'WHY' });

/** The updates that make sense in a phase, with the data that they take on the page of the case. */
export function updateLines(phase: Phase): readonly string[] {
  const names = updatesIn(phase).map((name) => `\`${name}\``);
  if (names.length === 0) return [];
  const how = `On this page: **More Actions**, **Send an Update**: ${names.join(', ')}. _Data_:`;
  return ['', how, '', '```', SIGNED, '```'];
}

function updatesIn(phase: Phase): readonly string[] {
  switch (phase) {
    case 'aborted':
      return ['resume', 'close'];
    case 'held':
      return ['release', 'abort'];
    case 'asking':
      return ['hold', 'abort', 'close'];
    case 'resumed':
    case 'resumed with a gap':
      return ['close'];
    case 'closed':
      return [];
    default:
      return ['hold', 'abort', 'retryNow'];
  }
}

/** The input stands in a block of its own: elsewhere the page would turn its quotes into typographic ones. */
const update = (name: string, does: string, input: string): readonly string[] => [
  '',
  `**\`${name}\`** ${does}`,
  '',
  '```',
  input,
  '```',
];

/** A list: the page is narrow, and a table of paths would be cut off. */
export function ladderLines(ladder: readonly RungView[]): readonly string[] {
  if (ladder.length === 0) return [];
  const line = ({ path, verdict, because }: RungView): string =>
    `- **${verdict}** \`${path}\`${because === '' ? '' : ` ${oneLine(because)}`}`;
  return ['', '## Ladder', '', ...ladder.map(line)];
}

/** @param now epoch milliseconds */
export function timeLeftLines(left: readonly TimeLeft[], now: number): readonly string[] {
  if (left.length === 0) return [];
  return [
    '',
    '## Time left',
    '',
    ...left.map((l) => `- **${untilWords(l, now)}**: ${l.what}. Then: ${l.then}.${extending(l)}`),
  ];
}

const extending = ({ extend }: TimeLeft): string => (extend === null ? '' : ` More time: \`${extend}\``);

/** `2 h left, until 2026-01-01 10:00:00 UTC`, or that it does not run out by itself. */
export function untilWords({ until }: TimeLeft, now: number): string {
  if (until === null) return 'no end by itself';
  const at = `${clock(until)} UTC`;
  return until <= now ? `over since ${at}` : `${lasting(until - now)} left, until ${at}`;
}
