/** What people see of the watch: its current details in the Temporal UI. */
import { setCurrentDetails } from '@temporalio/workflow';
import type { Ledgers, Noted } from '../activities/index.js';
import { NOTICES } from '../domain/notice.js';
import { clock, oneLine } from '../domain/words.js';

/** Jobs that are listed; the memo knows all. */
const MOST_JOBS = 100;

export function tellWatch(
  cluster: string,
  { ledgers, lastLook, noted }: { ledgers: Ledgers; lastLook: number | null; noted: Noted },
): void {
  setCurrentDetails(detailsOf(cluster, Object.entries(ledgers), Object.entries(noted), lastLook));
}

function detailsOf(
  cluster: string,
  ledgers: readonly (readonly [string, Ledgers[keyof Ledgers]])[],
  noted: readonly (readonly [string, Noted[keyof Noted]])[],
  lastLook: number | null,
): string {
  const lines = [
    `Watching **${cluster}**; the last change or report is of a look at ${lastLook === null ? 'nothing yet' : `${clock(lastLook)} UTC`}.`,
  ];
  const open = noted.flatMap(([job, { notices }]) => notices.open.map((n) => ({ job, ...n })));
  if (open.length > 0) {
    lines.push('', '## Notices', '', '| job | since (UTC) | | |', '| --- | --- | --- | --- |');
    for (const n of open)
      lines.push(
        `| ${n.job} | ${clock(n.since)} | **${n.kind}** ${cell(n.summary)} | ${NOTICES[n.kind].person} |`,
      );
  }
  const missing = noted.flatMap(([job, { absence }]) => (absence === null ? [] : [{ job, ...absence }]));
  for (const a of missing)
    lines.push(
      '',
      `Run \`${a.run}\` of **${a.job}** has not been seen since ${clock(a.since)} UTC${a.told ? ': its case was told' : ''}.`,
    );
  lines.push(
    '',
    '## Jobs',
    '',
    '| job | newest run | state | newest restore point |',
    '| --- | --- | --- | --- |',
  );
  for (const [job, { runs, points }] of ledgers.slice(0, MOST_JOBS)) {
    const [run] = runs;
    const [point] = points;
    lines.push(
      `| ${job} | ${run === undefined ? 'never seen' : `\`${run.run}\``} | ${run?.state ?? ''} | ${point === undefined ? 'none' : `\`${point.path}\``} |`,
    );
  }
  if (ledgers.length > MOST_JOBS) lines.push('', `and ${ledgers.length - MOST_JOBS} more.`);
  return lines.join('\n').slice(0, 15_000);
}

const cell = (text: string): string => oneLine(text).replaceAll('|', '\\|');
