import { writeFileSync } from 'node:fs';
import type { CaseView } from '../client/index.js';
import { secretValues } from '../config/secrets.js';
import { scrubber } from '../worker/scrub.js';
import { caseHtml } from './case-html.js';
import { casePage } from './case-page.js';
import { withClient } from './door.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import type { CommonOptions } from './options.js';
import { UsageError, type Terminal } from './terminal.js';
import { clock } from '../domain/words.js';

export async function showCase(
  id: string,
  options: CommonOptions & { readonly run?: string; readonly html?: string },
  terminal: Terminal,
): Promise<ExitCode> {
  return withClient(options, async (client, config) => {
    const clean = scrubber(secretValues(config));
    const view = clean.data(await client.caseOf(id, options.run));
    const told = options.json === true || options.html !== undefined;
    const file = told ? clean.data(await client.caseFile(id, options.run)) : null;
    if (options.html !== undefined && file !== null)
      write(options.html, caseHtml(file, view.summary.link), terminal);
    if (options.json === true) terminal.write(JSON.stringify({ ...view, file }));
    else if (options.html === undefined) for (const line of page(view, terminal)) terminal.write(line);
    return EXIT.done;
  });
}

function write(path: string, content: string, terminal: Terminal): void {
  try {
    writeFileSync(path, content);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--html: expected a file that can be written, found ${path}: ${why}`);
  }
  terminal.note(`the case file is in ${path}`);
}

function page(
  { summary, status, withoutStatus, end, failure }: CaseView,
  terminal: Terminal,
): readonly string[] {
  const lines =
    status === null
      ? [
          `${terminal.paint('bold', summary.workflowId)}: ${summary.state}${summary.phase === null ? '' : `, ${summary.phase}`}`,
          `  opened ${clock(summary.openedAt)} UTC`,
          ...(summary.link === null ? [] : [`  ${summary.link}`]),
          ...(withoutStatus === null ? [] : [`  ${withoutStatus}`]),
        ]
      : [...casePage(status, summary.link, terminal, summary.closedAt ?? Date.now())];
  if (summary.closedAt !== null) lines.push('', `Ended ${clock(summary.closedAt)} UTC: ${summary.state}`);
  if (end !== null) {
    lines.push(`  ${end.outcome} after ${end.attempts} attempts: ${end.because}`);
    if (end.link !== null) lines.push(`  goes on as ${end.link}`);
  }
  if (failure !== null) lines.push(`  ${terminal.paint('red', failure.code)}: ${failure.message}`);
  return lines;
}
