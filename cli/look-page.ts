/** A look on a terminal. */
import type { LookReport, Would } from '../domain/look.js';
import { timeLine } from './case-page.js';
import type { Terminal } from './terminal.js';

/** @param now epoch milliseconds */
export function lookLines(report: LookReport, terminal: Terminal, now: number): readonly string[] {
  const { would } = report;
  const lines = [`${terminal.paint('bold', report.job)} on ${report.cluster}: ${answer(would, terminal)}`];
  if (would.is === 'restore') lines.push(...would.cost.map((line) => `  · ${line}`));
  if (would.is === 'ask') lines.push(`  ${would.text}`, ...would.facts.map((line) => `  · ${line}`));
  if (report.situation !== null) lines.push(`  now: ${report.situation.is}: ${report.situation.because}`);
  if (report.ladder.length > 0) lines.push('', terminal.paint('bold', 'Ladder'), ...rungs(report));
  if (report.timeLeft.length > 0)
    lines.push('', terminal.paint('bold', 'Time left'), ...report.timeLeft.flatMap((l) => timeLine(l, now)));
  return [...lines, ''];
}

export function ladderLines(report: LookReport, terminal: Terminal): readonly string[] {
  if (report.ladder.length > 0 && report.would.is !== 'unknown') return rungs(report);
  return [...rungs(report), `${report.job}: ${answer(report.would, terminal)}`];
}

const rungs = ({ ladder }: LookReport): readonly string[] =>
  ladder.map(
    (r) =>
      `  ${r.verdict.padEnd(8)} ${r.path}  (${r.sources.join(', ')}${r.because === '' ? '' : `; ${r.because}`})`,
  );

function answer(would: Would, terminal: Terminal): string {
  switch (would.is) {
    case 'restore':
      return `${terminal.paint('green', 'would be restored')} from ${would.point}: ${would.because}`;
    case 'start':
      return `${terminal.paint('yellow', 'would be started from nothing')}, Kafka from ${would.kafkaFrom}: ${would.because}`;
    case 'ask':
      return `${terminal.paint('yellow', 'a person would be asked')} (${would.about})`;
    case 'abort':
      return `${terminal.paint('red', 'nothing could be restored')}: ${would.fault.code}: ${would.fault.message}`;
    case 'unknown':
      return `${terminal.paint('yellow', 'not known')}: ${would.fault.code}: ${would.fault.message}`;
  }
}
