import type { LookReport, Would } from '../domain/look.js';
import { ladderLines, timeLeftLines } from './page-parts.js';

/** What a look found, as the Markdown page of its workflow. */
export function lookPage(report: LookReport): string {
  const lines = [`# Look at ${report.job}`, '', 'If it failed now:', '', `**${words(report.would)}**`];
  if (report.would.is === 'restore') lines.push('', ...report.would.cost.map((line) => `- ${line}`));
  if (report.would.is === 'ask') lines.push('', ...report.would.facts.map((line) => `- ${line}`));
  if (report.situation !== null)
    lines.push('', `Now: **${report.situation.is}**. ${report.situation.because}`);
  lines.push(...ladderLines(report.ladder));
  lines.push(...timeLeftLines(report.timeLeft, report.at));
  return lines.join('\n').slice(0, 15_000);
}

function words(would: Would): string {
  switch (would.is) {
    case 'restore':
      return `it would be restored from ${would.point}: ${would.because}`;
    case 'start':
      return `it would be started from nothing, Kafka from ${would.kafkaFrom}: ${would.because}`;
    case 'ask':
      return `a person would be asked (${would.about}): ${would.text}`;
    case 'abort':
      return `nothing could be restored. ${would.fault.code}: ${would.fault.message}`;
    case 'unknown':
      return `not known. ${would.fault.code}: ${would.fault.message}`;
  }
}
