import { describe, expect, it } from 'vitest';
import { chooseSources, formatSources, parseDeb822Sources, parseOneLineSources } from '../../src/setup/sources.js';

const KEY = '/usr/share/keyrings/debian-archive-keyring.gpg';
const ONE_LINE = `# comment
deb [ arch=amd64 signed-by=${KEY} ] http://mirror.example/debian bookworm main contrib # the base
deb-src http://mirror.example/debian bookworm main
  deb http://mirror.example/security bookworm-security main
deb [trusted=yes] file:/srv/repo bookworm-updates main
deb https://third.example/apt stable main
`;
const DEB822 = `Types: deb deb-src
# snapshot
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
  non-free
Signed-By: ${KEY}

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----
Trusted: yes

Enabled: no
Types: deb
URIs: http://off.example
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example
Suites: bookworm
Components: main
`;

describe('apt sources', () => {
  it('reads one-line lists', () => {
    const sources = parseOneLineSources(ONE_LINE);
    expect(sources.map(({ uris, suites }) => [uris[0], suites[0]])).toEqual([
      ['http://mirror.example/debian', 'bookworm'],
      ['http://mirror.example/security', 'bookworm-security'],
      ['file:/srv/repo', 'bookworm-updates'],
      ['https://third.example/apt', 'stable'],
    ]);
    expect(sources[0]).toMatchObject({ components: ['main', 'contrib'], signedBy: KEY, trusted: false });
    expect(sources[1].signedBy).toBeNull();
    expect(sources[2].trusted).toBe(true);
  });

  it('reads deb822 files, with comments, continued lines, inline keys and disabled stanzas', () => {
    const [base, security, ...rest] = parseDeb822Sources(DEB822);
    expect(rest).toEqual([]);
    expect(base).toMatchObject({
      suites: ['bookworm', 'bookworm-updates'],
      components: ['main', 'non-free'],
      signedBy: KEY,
    });
    expect(security.signedBy).toMatch(/^\n -----BEGIN .*\n \.\n abc\n -----END PGP PUBLIC KEY BLOCK-----$/);
    expect(security.trusted).toBe(true);
  });

  it.each([
    ['one-line', parseOneLineSources(ONE_LINE)],
    ['deb822', parseDeb822Sources(DEB822)],
  ])('takes the release and, for Debian 12, its backports from the same mirror (%s)', (_, all) => {
    const chosen = chooseSources(all, 'bookworm');
    expect(chosen?.target).toBe('bookworm-backports');
    expect(chosen?.sources.at(-1)).toMatchObject({
      uris: ['http://mirror.example/debian'],
      suites: ['bookworm-backports'],
      components: ['main'],
      signedBy: KEY,
    });
    expect(JSON.stringify(chosen)).not.toContain('third.example');
  });

  it('takes main and universe of Ubuntu, and finds nothing for a release that is not configured', () => {
    const all = parseOneLineSources('deb http://u.example/ubuntu noble main restricted universe');
    expect(chooseSources(all, 'noble')).toMatchObject({
      target: 'noble',
      sources: [{ components: ['main', 'universe'] }],
    });
    expect(chooseSources(all, 'jammy')).toBeNull();
    expect(chooseSources([], 'noble')).toBeNull();
  });

  it('writes what it reads', () => {
    for (const all of [parseOneLineSources(ONE_LINE), parseDeb822Sources(DEB822)]) {
      expect(parseDeb822Sources(formatSources(all))).toEqual(all);
    }
    expect(formatSources(parseOneLineSources(ONE_LINE))).toContain('Targets: Packages');
  });
});
