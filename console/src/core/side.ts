// What the present area puts below the navigation.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";

export const side = signal<ComponentChildren>(null);
