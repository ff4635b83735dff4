internal import MusterCrypto
package import MusterHTTP

/// The files of the dashboard, which are in the program itself. They are what they are for everybody: what the fleet has on it comes by
/// routes that look at who asks.
package enum WindowFiles {
    /// A browser takes nothing from elsewhere, runs no script that stands in a page, and shows none of it inside another site's.
    package static let policy =
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

    struct File: Sendable {
        var type: String
        var bytes: [UInt8]
        var tag: String

        init(_ type: String, _ bytes: [UInt8]) {
            (self.type, self.bytes) = (type, bytes)
            tag = "\"\(hex(SHA256.digest(of: bytes).prefix(12)))\""
        }
    }

    static let all: [String: File] = [
        "style.css": File(style, PackageResources.style_css),
        "icon.svg": File("image/svg+xml", PackageResources.icon_svg),
        "main.js": File(script, PackageResources.main_js),
        "fleet.js": File(script, PackageResources.fleet_js),
        "stream.js": File(script, PackageResources.stream_js),
        "page.js": File(script, PackageResources.page_js),
        "table.js": File(script, PackageResources.table_js),
        "act.js": File(script, PackageResources.act_js),
        "overview.js": File(script, PackageResources.overview_js),
        "warnings.js": File(script, PackageResources.warnings_js),
        "members.js": File(script, PackageResources.members_js),
        "jobs.js": File(script, PackageResources.jobs_js),
        "output.js": File(script, PackageResources.output_js),
        "children.js": File(script, PackageResources.children_js),
        "commands.js": File(script, PackageResources.commands_js),
        "edges.js": File(script, PackageResources.edges_js),
        "volunteers.js": File(script, PackageResources.volunteers_js),
        "system.js": File(script, PackageResources.system_js),
        "explore.css": File(style, PackageResources.explore_css),
        "explore.js": File(script, PackageResources.explore_js),
        "plane.js": File(script, PackageResources.plane_js),
        "sheets.js": File(script, PackageResources.sheets_js),
        "tiles.js": File(script, PackageResources.tiles_js),
        "makers.js": File(script, PackageResources.makers_js),
        "save.js": File(script, PackageResources.save_js),
    ]
    private static let style = "text/css; charset=utf-8"
    private static let script = "text/javascript; charset=utf-8"

    /// Nil: there is no such file. A browser asks each time whether it has changed.
    package static func answer(_ name: String, ifNoneMatch: String?) -> HTTPResponse? {
        guard let file = all[name] else { return nil }
        let headers = protection + [("ETag", file.tag), ("Cache-Control", "no-cache")]
        if let known = ifNoneMatch, known == "*" || known.contains(file.tag) {
            return HTTPResponse(status: 304, headers: headers)
        }
        return HTTPResponse(status: 200, headers: [("Content-Type", file.type)] + headers, body: .bytes(file.bytes))
    }

    /// The dashboard for somebody who may act, or only look.
    package static func dashboard(mayAct: Bool, version: String) -> HTTPResponse {
        page(
            shell.replacing("@RIGHTS@", with: mayAct ? "act" : "look")
                .replacing("@VERSION@", with: HTMLText.escaped(version)))
    }

    /// The map of the set, for everybody who may see pictures.
    package static let explorer = page(String(decoding: PackageResources.explore_html, as: UTF8.self))

    private static let shell = String(decoding: PackageResources.index_html, as: UTF8.self)

    /// A page of this server's own, which nobody keeps.
    package static func page(
        _ html: String, status: Int = 200, headers: [(name: String, value: String)] = []
    ) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")] + protection
                + headers, body: .bytes(Array(html.utf8)))
    }

    /// A picture (SVG) that was made for one request.
    static func picture(_ svg: [UInt8]) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: [("Content-Type", "image/svg+xml"), ("Cache-Control", "no-store")] + protection,
            body: .bytes(svg))
    }

    /// Where a browser goes on after a form.
    package static func leading(to place: String, cookie: String? = nil) -> HTTPResponse {
        page(
            PlainPage.head("Muster") + "<p><a href=\"\(place)\">Go on</a></p>\n</main>\n</body>\n</html>\n",
            status: 303,
            headers: [("Location", place)] + (cookie.map { [("Set-Cookie", $0)] } ?? []))
    }

    /// `same-origin`: without any referrer a form of its own would come from the origin `null`.
    private static let protection: [(name: String, value: String)] = [
        ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
}
