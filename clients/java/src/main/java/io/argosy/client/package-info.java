/** The client of Argosy: {@link io.argosy.client.ArgosyClient} is where to begin. */
package io.argosy.client;
