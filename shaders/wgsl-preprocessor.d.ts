declare module 'wgsl-preprocessor/wgsl-preprocessor.js' {
  /** Template tag with #if, #elif, #else and #endif; each condition is a substitution. */
  export function wgsl(strings: TemplateStringsArray, ...values: unknown[]): string;
}
