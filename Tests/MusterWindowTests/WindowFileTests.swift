import MusterHTTP
import Testing

@testable import MusterWindow

@Suite struct WindowFileTests {
    private static func text(_ name: String) throws -> String {
        String(decoding: try #require(WindowFiles.all[name]).bytes, as: UTF8.self)
    }

    @Test func whatAPageNamesIsThere() throws {
        var named: Set<String> = []
        for (name, file) in WindowFiles.all {
            let text = String(decoding: file.bytes, as: UTF8.self)
            for part in text.split(separator: "'").filter({ $0.hasPrefix("./") }) {
                #expect(WindowFiles.all[String(part.dropFirst(2))] != nil, "\(name) imports \(part)")
                named.insert(String(part.dropFirst(2)))
            }
            for part in text.split(separator: "'").filter({ $0.hasPrefix("/window/") }) {
                #expect(WindowFiles.all[String(part.dropFirst(8))] != nil, "\(name) starts \(part)")
                named.insert(String(part.dropFirst(8)))
            }
        }
        guard case .bytes(let shell) = WindowFiles.dashboard(mayAct: true, version: "1 <b>").body else {
            return #expect(Bool(false))
        }
        guard case .bytes(let map) = WindowFiles.explorer.body else { return #expect(Bool(false)) }
        let page = String(decoding: shell, as: UTF8.self)
        for part in (page + String(decoding: map, as: UTF8.self)).split(separator: "\"").filter({
            $0.hasPrefix("/window/")
        }) {
            #expect(WindowFiles.all[String(part.dropFirst(8))] != nil, "the page names \(part)")
            named.insert(String(part.dropFirst(8)))
        }
        #expect(named == Set(WindowFiles.all.keys))
        #expect(page.contains("data-rights=\"act\"") && page.contains("Muster 1 &lt;b&gt;") && !page.contains("@"))
    }

    /// What a browser needs before it shows the fleet, without the fleet itself: far below 80 KB on the wire.
    @Test func theFirstViewIsSmall() throws {
        let first = [
            "style.css", "icon.svg", "main.js", "fleet.js", "stream.js", "page.js", "overview.js", "warnings.js",
        ]
        #expect(try first.reduce(0) { $0 + (try Self.text($1).utf8.count) } < 48 << 10)
    }

    /// Nothing of a name or an output may become markup, and no request leaves for anywhere else.
    @Test func scriptsMakeNoMarkup() throws {
        for name in WindowFiles.all.keys where name.hasSuffix(".js") {
            let text = try Self.text(name)
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
                #expect(!text.contains(word), "\(name) has \(word)")
            }
            #expect(!text.replacing("http://www.w3.org/2000/svg", with: "").contains("://"), "\(name)")
        }
    }

    @Test func filesAreAskedForAgainAndNotSentAgain() throws {
        let first = try #require(WindowFiles.answer("main.js", ifNoneMatch: nil))
        let tag = try #require(first.headers.first { $0.name == "ETag" }?.value)
        #expect(first.status == 200 && WindowFiles.answer("main.js", ifNoneMatch: tag)?.status == 304)
        #expect(WindowFiles.answer("main.js", ifNoneMatch: "\"other\"")?.status == 200)
        #expect(WindowFiles.answer("../main.js", ifNoneMatch: nil) == nil)
    }
}

@Suite struct HTMLTextTests {
    @Test(arguments: [
        ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"), ("a\u{1B}[31mb\u{7F}\u{0}", "a\u{FFFD}[31mb\u{FFFD}\u{FFFD}"),
        ("ü ✓\n", "ü ✓\n"), ("a\u{202E}b\u{2066}", "a\u{FFFD}b\u{FFFD}"),
    ])
    func escaped(text: String, html: String) { #expect(HTMLText.escaped(text) == html) }
}
