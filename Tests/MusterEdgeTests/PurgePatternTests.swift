import HTTPCaching
import MusterElection
import Testing

@testable import MusterEdge

/// Which of what is stored a purge is about.
@Suite struct PurgePatternTests {
    static let cases: [(PurgePattern, String, Bool)] = [
        (.image(5), "/images/5", true), (.image(5), "/images/5?width=3", true), (.image(5), "/images/5/size", true),
        (.image(5), "/images/%35", true), (.image(5), "/images/./5", true), (.image(5), "//images//5/", true),
        (.image(5), "/images/55", false), (.image(5), "/images/5/other", false), (.image(5), "/image/5", false),
        (.image(5), "/a/../images/5", true), (.image(5), "/images/x", false), (.image(5), "/", false),
        (.prefix("/a"), "/a", true), (.prefix("/a"), "/ab?c", true), (.prefix("/a"), "/b/a", false),
        (.prefix("/a/b"), "/a/./b", true), (.prefix("/a/b"), "/%61/b", true), (.prefix("/a?x"), "/a?x=1", true),
        (.prefix("/é"), "/%C3%A9", true), (.all, "/anything?x", true),
    ]

    @Test(arguments: cases) func matches(_ pattern: PurgePattern, _ target: String, _ isMatch: Bool) {
        #expect(pattern.matcher(CacheKey(origin: "http://up", target: target)) == isMatch)
    }
}
