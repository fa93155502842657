/** One package repository that this machine's apt is set up with. */
export interface AptSource {
  uris: string[];
  suites: string[];
  components: string[];
  /** A key file, a fingerprint or an inline key, as in the `Signed-By` field; null for apt's default keys. */
  signedBy: string | null;
  /** The user has marked the source as trusted without signatures. */
  trusted: boolean;
}

/** Reads a one-line-style list: `deb [signed-by=/file arch=amd64] uri suite component …`. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const raw of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*(.*)$/.exec(raw.replace(/#.*/, ''));
    if (!match) continue;
    const options = new Map(
      (match[1] ?? '')
        .trim()
        .split(/\s+/)
        .map((option) => option.split('=', 2) as [string, string]),
    );
    sources.push({
      uris: [match[2]],
      suites: [match[3]],
      components: match[4].split(/\s+/).filter(Boolean),
      signedBy: options.get('signed-by') ?? null,
      trusted: options.get('trusted') === 'yes',
    });
  }
  return sources;
}

/** Reads a deb822-style file: stanzas of `Field: value`, whose values may go on in indented lines. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  for (const stanza of lines.join('\n').split(/\n[ \t]*\n/)) {
    const fields = new Map<string, string>();
    let current = '';
    for (const line of stanza.split('\n')) {
      const field = /^([A-Za-z0-9-]+):[ \t]*(.*)$/.exec(line);
      if (field) fields.set((current = field[1].toLowerCase()), field[2]);
      else if (/^[ \t]/.test(line) && current) fields.set(current, `${fields.get(current)}\n${line}`);
    }
    const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter(Boolean);
    const enabled = !/^(no|false|off|0)$/i.test((fields.get('enabled') ?? 'yes').trim());
    if (!enabled || !words('types').includes('deb') || !words('uris').length) continue;
    sources.push({
      uris: words('uris'),
      suites: words('suites'),
      components: words('components'),
      signedBy: fields.get('signed-by')?.trimEnd() || null,
      trusted: /^(yes|true|on|1)$/i.test((fields.get('trusted') ?? '').trim()),
    });
  }
  return sources;
}

/** What of the machine's sources the driver is taken from, and which suite is preferred. */
export interface DriverSources {
  sources: AptSource[];
  /** The suite whose packages win, for apt's `-t`. */
  target: string;
}

/** Debian 12's own Mesa is older than Dawn accepts; its backports suite, on the same mirrors, has a newer one. */
const NEEDS_BACKPORTS = new Set(['bookworm']);
const COMPONENTS = new Set(['main', 'universe']);
const SUFFIXES = ['', '-updates', '-security'];

/**
 * Picks the distribution's own sources out of all that are configured, with backports where they are needed.
 *
 * @param codename the release's name, for example `bookworm` or `noble`
 * @returns null when no source has the release
 */
export function chooseSources(all: AptSource[], codename: string): DriverSources | null {
  const wanted = new Set(SUFFIXES.map((suffix) => codename + suffix));
  const sources = all
    .map((source) => ({
      ...source,
      suites: source.suites.filter((suite) => wanted.has(suite)),
      components: source.components.filter((component) => COMPONENTS.has(component)),
    }))
    .filter((source) => source.suites.length > 0 && source.components.length > 0);
  const base = sources.find((source) => source.suites.includes(codename));
  if (!base) return null;
  if (!NEEDS_BACKPORTS.has(codename)) return { sources, target: codename };
  const backports = `${codename}-backports`;
  return { sources: [...sources, { ...base, suites: [backports] }], target: backports };
}

/** The sources as a deb822 file that asks for package lists alone. */
export function formatSources(sources: AptSource[]): string {
  return sources
    .map((source) =>
      [
        'Types: deb',
        `URIs: ${source.uris.join(' ')}`,
        `Suites: ${source.suites.join(' ')}`,
        `Components: ${source.components.join(' ')}`,
        'Targets: Packages',
        ...(source.signedBy ? [`Signed-By: ${source.signedBy}`] : []),
        ...(source.trusted ? ['Trusted: yes'] : []),
        '',
      ].join('\n'),
    )
    .join('\n');
}
