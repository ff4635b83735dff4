import MusterRoutes
import MusterServerKit
import MusterTestKit
import MusterWire
import Testing

/// A good answer of the coordinator is what its document says of it.
func expectDocumented(_ response: RawResponse, _ method: String, _ pattern: String) throws {
    let document = try DocumentedAnswers(OpenAPI.document(of: RouteTable.all, version: "1"))
    #expect(try document.trouble(with: response.body, of: method, pattern, status: response.status) == nil)
}
