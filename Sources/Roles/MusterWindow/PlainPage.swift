package import MusterAPI
internal import MusterCore
internal import MusterOverview
internal import MusterSystem

/// The overview as a page without a script: what a browser that runs none shows, at `/plain`.
package enum PlainPage {
    /// So many rows of each table; the rest is counted.
    static let rowsMax = 500

    package static func html(_ overview: Overview) -> String {
        let counts = overview.head.counts
        var page = head("Muster: the fleet")
        page += "<h1>The fleet</h1>\n"
        page +=
            "<p>As it was when this page was asked for; load it again for news. <a href=\"/\">With a script</a> it follows by itself.</p>\n"
        if let trouble = overview.head.trouble {
            page += "<p role=\"alert\">The store refuses writes: \(HTMLText.escaped(trouble))</p>\n"
        }
        page += list([
            ("members", counts.members), ("unfinished jobs", counts.unfinishedJobs),
            ("tasks in line", counts.tasksWaiting), ("tasks that run", counts.tasksLeased),
            ("results since the start", counts.tasksRecorded), ("failed since the start", counts.tasksFailed),
            ("unique numbers of children", overview.head.numbers.unique),
        ])
        page += members(overview) + jobs(overview) + events(overview)
        return page + "</main>\n</body>\n</html>\n"
    }

    /// Up to the beginning of its main part.
    static func head(_ title: String, more: String = "") -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>\(HTMLText.escaped(title))</title>
        <link rel="icon" href="/window/icon.svg" type="image/svg+xml">
        <link rel="stylesheet" href="/window/style.css">
        \(more)</head>
        <body class="plain">
        <main id="main">

        """
    }

    private static func list(_ lines: [(String, Int)]) -> String {
        "<ul>\n" + lines.map { "<li>\($0.1) \($0.0)</li>\n" }.joined() + "</ul>\n"
    }

    private static func table(_ title: String, _ columns: [String], _ rows: [[String]], of count: Int) -> String {
        var text = "<h2>\(title)</h2>\n"
        if rows.isEmpty { return text + "<p>None.</p>\n" }
        text += "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"\(title)\">\n<table>\n<thead><tr>"
        text += columns.map { "<th scope=\"col\">\($0)</th>" }.joined() + "</tr></thead>\n<tbody>\n"
        for row in rows { text += "<tr>" + row.map { "<td>\(HTMLText.escaped($0))</td>" }.joined() + "</tr>\n" }
        text += "</tbody>\n</table>\n</div>\n"
        return count > rows.count ? text + "<p>And \(count - rows.count) more.</p>\n" : text
    }

    private static func members(_ overview: Overview) -> String {
        let doing = Dictionary(overview.doing.map { ($0.member, $0.doing) }) { first, _ in first }
        let rows = overview.members.prefix(rowsMax).map { member in
            [
                member.rank.map { "\($0)" } ?? "", member.name, member.role, member.state, member.address,
                (doing[member.id] ?? nil).map { "job \($0.job)" } ?? "",
            ]
        }
        return table(
            "Members", ["Rank", "Name", "Role", "State", "Address", "Does"], Array(rows),
            of: overview.head.counts.members)
    }

    private static func jobs(_ overview: Overview) -> String {
        let rows = overview.jobs.prefix(rowsMax).map { job in
            [
                "\(job.id)", job.name.isEmpty ? job.kernel : "\(job.name) (\(job.kernel))", job.state.rawValue,
                "\(job.done) of \(job.count)", "\(job.failed)", job.waiting ?? job.reason,
            ]
        }
        return table(
            "Jobs", ["Number", "Name", "State", "Done", "Failed", "Why"], Array(rows), of: overview.jobs.count)
    }

    private static func events(_ overview: Overview) -> String {
        let rows = overview.events.suffix(50).reversed().map { event in
            [
                CivilTime(Int64(event.time * 1_000)).rfc3339Seconds, event.name,
                String(decoding: event.data, as: UTF8.self),
            ]
        }
        return table("Events", ["Time", "What", "Of"], Array(rows), of: 0)
    }
}
