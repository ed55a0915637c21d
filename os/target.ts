/** What the platform is called in error messages: `"x86_64-unknown-linux-gnu"`. */
export const target: string = Deno.build.target;
