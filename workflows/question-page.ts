/** What the page of a case says about its question and about the time left, as Markdown. */
import { lasting } from '../domain/cost.js';
import type { Question } from '../domain/desk.js';
import type { TimeLeft } from '../domain/time-left.js';

const time = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 19);

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
    `Asked ${time(question.askedAt)} UTC; asked anew after a fresh look at ${time(question.expiresAt)} UTC.`,
    '',
    '**To answer here**: _Send Update_, choose the name, paste the input.',
    '',
  ];
  if (question.approves !== null)
    lines.push(`- \`approve\`: ${question.approves}`, '', `      ${answer()}`, '');
  lines.push('- `reject`: nothing is done, the case is aborted', '', `      ${answer()}`, '');
  for (const path of question.choices.slice(0, 5))
    lines.push(`- \`chooseRestorePoint\`: restore ${path}`, '', `      ${answer({ path })}`, '');
  lines.push(
    '- `retryNow` (look again now), `hold`, `abort`:',
    '',
    `      ${JSON.stringify({ by: 'YOUR NAME', reason: 'WHY' })}`,
  );
  return lines;
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
  const at = `${time(until)} UTC`;
  return until <= now ? `over since ${at}` : `${lasting(until - now)} left, until ${at}`;
}
