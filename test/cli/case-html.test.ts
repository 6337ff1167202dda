/** The case file as a page: everything in it, nothing loaded, nothing run. */
import { describe, expect, test } from 'vitest';
import { caseHtml } from '../../cli/case-html.js';
import { escaped } from '../../cli/html.js';
import { caseFile, type CaseFile } from '../../client/case-file.js';
import { casesIn, recordedCourses } from '../histories/recorded.js';

const LINK = 'http://ui.example/namespaces/default/workflows/recover%2Fcounts%2Fwindow-counts';
const fileOf = (course: string): CaseFile => caseFile(casesIn(course)[0]);

describe.each(recordedCourses().filter((course) => !course.startsWith('watch')))('%s', (course) => {
  const file = fileOf(course);
  const page = caseHtml(file, LINK);

  test('tells every decision with its reason, and every step with what it found', () => {
    for (const entry of file.story) {
      if (entry.is === 'message') expect(page).toContain(escaped(entry.reason));
      if (entry.is === 'wait') expect(page).toContain(escaped(entry.because));
      if (entry.is !== 'pass') continue;
      for (const d of entry.decisions) {
        expect(page).toContain(escaped(d.what));
        expect(page).toContain(escaped(d.because));
        for (const s of d.steps) expect(page).toContain(escaped(s.found));
      }
    }
  });

  test('needs nothing but itself', () => {
    expect(page).not.toMatch(/<(script|img|link|iframe|object|embed|form)\b/i);
    expect(page).not.toMatch(/\son\w+\s*=\s*["']/i);
    expect(page).not.toMatch(/@import|url\(/i);
    const loaded = [...page.matchAll(/\s(?:href|src)="([^"]*)"/g)].map(([, to]) => to);
    expect(new Set(loaded)).toEqual(new Set([LINK]));
    expect(page).toContain("default-src 'none'");
  });
});

describe('what comes from other systems', () => {
  const hostile = '"><script>alert(1)</script>\u202e\u0007';
  const bent = JSON.parse(
    JSON.stringify(fileOf('restore-what-a-person-chose')).replaceAll('"a test"', JSON.stringify(hostile)),
  ) as CaseFile;

  test('stays text', () => {
    const page = caseHtml({ ...bent, job: hostile, missing: [hostile] }, LINK);
    expect(page).not.toContain('<script');
    expect(page.split('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;').length).toBeGreaterThan(3);
  });

  test('does not turn the direction of the text, and rings no bell', () => {
    const page = caseHtml(bent, LINK);
    expect(page).not.toMatch(/[\u202a-\u202e\u0007]/);
    expect(page).toContain('\\u202e');
  });

  test('is no link unless it leads to a web page', () => {
    expect(caseHtml(bent, 'javascript:alert(1)')).not.toContain('href');
  });
});

test('what a history does not tell comes first', () => {
  const page = caseHtml(caseFile({ events: [] }), null);
  expect(page).toContain('This file is not complete');
  expect(page.indexOf('This file is not complete')).toBeLessThan(page.indexOf('What happened'));
});
