/// What a browser sees before it is signed in, and while it is being signed in.
package enum SignInPage {
    /// `complaint`: why the last try failed.
    package static func html(complaint: String? = nil) -> String {
        var page = PlainPage.head("Muster: sign in")
        page += "<h1>Sign in to this fleet</h1>\n"
        if let complaint { page += "<p role=\"alert\" class=\"complaint\">\(HTMLText.escaped(complaint))</p>\n" }
        page += """
            <p>On the coordinator's own machine, this prints a link that lets a browser in, once:</p>
            <pre><code>muster sign-in</code></pre>
            <p>Or give a token of the fleet: the admin token to act, the read token to look. They lie in the
            coordinator's data folder (<code>muster-data/coordinator</code>).</p>
            <form method="post" action="/sign-in" class="card">
            <label for="token">Token</label>
            <input id="token" name="token" type="password" autocomplete="current-password" required spellcheck="false">
            <button type="submit">Sign in</button>
            </form>
            <p>Came here by a link of another site? Then <a href="/">load this page again</a>.</p>
            </main>
            </body>
            </html>

            """
        return page
    }

    /// A page of this server's own goes on to the dashboard: after a redirect from another site's link the browser would keep the cookie
    /// to itself.
    package static func welcome(days: Int) -> String {
        PlainPage.head("Muster: signed in", more: "<meta http-equiv=\"refresh\" content=\"0; url=/\">\n")
            + """
            <h1>Welcome</h1>
            <p>This browser is signed in to the fleet for \(days) days. <a href="/">To the dashboard</a></p>
            </main>
            </body>
            </html>

            """
    }
}
