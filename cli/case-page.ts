/** A case on a terminal: what people see first is what it does, what it waits for, and what they can do. */
import type { CaseStatus, Phase } from '../domain/case.js';
import { FAILURES } from '../domain/failure.js';
import { undoCommands, type ResumedOffsets } from '../domain/group-offsets.js';
import { sayStarted } from '../domain/kafka-from.js';
import type { TimeLeft } from '../domain/time-left.js';
import { sayRange } from '../domain/skipped.js';
import type { Paint, Terminal } from './terminal.js';
import { clock, lasting } from '../domain/words.js';

const COLOURS: Partial<Record<Phase, Paint>> = {
  aborted: 'red',
  asking: 'yellow',
  held: 'yellow',
  waiting: 'cyan',
  resumed: 'green',
  'resumed with a gap': 'red',
};

export const attemptOf = ({ attempt, attempts }: Pick<CaseStatus, 'attempt' | 'attempts'>): string =>
  attempts === null ? `attempt ${attempt}` : `attempt ${attempt} of ${attempts}`;

export const paintPhase = (phase: Phase, terminal: Terminal): string =>
  terminal.paint(COLOURS[phase] ?? 'bold', phase);

/** @param now epoch milliseconds */
export function casePage(
  status: CaseStatus,
  link: string | null,
  terminal: Terminal,
  now: number,
): readonly string[] {
  const heading = (text: string) => ['', terminal.paint('bold', text)];
  const lines = [
    `${terminal.paint('bold', status.job)} on ${status.cluster}: ${paintPhase(status.phase, terminal)} for ${lasting(now - status.since)}, ${attemptOf(status)}`,
    `  case open since ${clock(status.openedAt)} UTC, ${status.alertsHeard} alerts`,
  ];
  if (link !== null) lines.push(`  ${link}`);
  if (status.situation !== null)
    lines.push(`  situation: ${status.situation.is}: ${status.situation.because}`);
  if (status.because !== null) {
    lines.push(`  ${terminal.paint('red', status.because.code)}: ${status.because.message}`);
    // A question says itself what to do.
    if (status.question === null) lines.push(`  ${FAILURES[status.because.code].person}`);
  }
  if (status.waiting !== null) {
    lines.push(
      `  waiting for ${status.waiting.for} since ${lasting(now - status.waiting.since)}, at most until ${clock(status.waiting.until)} UTC`,
    );
  }
  if (status.hold !== null)
    lines.push(
      `  held by ${status.hold.by}${status.hold.until ? ` until ${clock(status.hold.until)} UTC` : ''}: ${status.hold.reason}`,
    );
  if (status.question !== null) {
    lines.push(...heading(`Question ${status.question.id}`), `  ${status.question.text}`);
    lines.push(...status.question.facts.map((fact) => `  · ${fact}`));
    if (status.question.approves !== null) lines.push(`  yes means: ${status.question.approves}`);
    lines.push(...status.question.choices.map((choice) => `  may be chosen: ${choice}`));
  }
  if (status.restored !== null) {
    const { point, run, submittedAt, provedAt, proofs, skipped = [], fromNothing } = status.restored;
    lines.push(
      ...heading('Restored'),
      `  ${point}`,
      `  as run ${run}, submitted ${clock(submittedAt)} UTC, ${provedAt === null ? 'not proved yet' : `proved ${clock(provedAt)} UTC`}`,
      ...proofs.map((proof) => `  ${terminal.paint('green', '✓')} ${proof}`),
      ...(fromNothing === undefined ? [] : sayStarted(fromNothing).map((line) => `  ${line}`)),
      ...skipped.map((range) => `  ${terminal.paint('red', '✗')} ${sayRange(range)}`),
    );
  }
  if (status.groupOffsets !== undefined) lines.push(...groupOffsetsPage(status.groupOffsets, heading));
  if (status.ladder.length > 0) {
    lines.push(
      ...heading('Ladder'),
      ...status.ladder.map(
        (r) => `  ${r.verdict.padEnd(8)} ${r.path}${r.because === '' ? '' : `  (${r.because})`}`,
      ),
    );
  }
  if (status.failures.length > 0) {
    lines.push(
      ...heading('Failed attempts'),
      ...status.failures.map(
        (f) =>
          `  ${String(f.attempt).padStart(3)}  ${clock(f.started)}  ${f.step}: ${f.fault.code}: ${f.fault.message}`,
      ),
    );
  }
  if (status.timeLeft.length > 0)
    lines.push(...heading('Time left'), ...status.timeLeft.flatMap((left) => timeLine(left, now)));
  if (status.next.length > 0)
    lines.push(...heading('What you can do now'), ...status.next.map((c) => `  ${c}`));
  return lines;
}

function groupOffsetsPage(
  offsets: ResumedOffsets,
  heading: (text: string) => readonly string[],
): readonly string[] {
  if (offsets.group === null) return [];
  const undo = undoCommands(offsets);
  return [
    ...heading(`Offsets of group ${offsets.group}`),
    offsets.left === null
      ? `  ${offsets.committed} partitions brought to the positions of the state`
      : `  left as they are: ${offsets.left}`,
    ...(undo.length === 0 ? [] : ['  to give it back what it had:', ...undo.map((c) => `    ${c}`)]),
  ];
}

export function timeLine({ what, until, then, extend }: TimeLeft, now: number): readonly string[] {
  const left =
    until === null
      ? 'no end by itself'
      : until <= now
        ? `over since ${clock(until)} UTC`
        : `${lasting(until - now)} left`;
  return [
    `  ${left}: ${what}`,
    `    then: ${then}`,
    ...(extend === null ? [] : [`    more time: ${extend}`]),
  ];
}
