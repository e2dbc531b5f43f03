using Exapyte.House.Tests.Rules;
using Xunit;

namespace Exapyte.House.Tests;

/// <summary>Each rule about text and packages, shown a violation, sees it, and leaves the allowed form alone.</summary>
public sealed class PlantedViolationTests
{
    // Written in two halves so that this file does not break the rules it tests.
    const string Later = "TO" + "DO";
    const string Repair = "FIX" + "ME";

    [Fact]
    public void A_file_of_401_lines_is_seen_and_one_of_400_is_not()
    {
        Assert.Single(Sizes.Violations(CSharp(string.Join('\n', Enumerable.Repeat("// line", 401)))));
        Assert.Empty(Sizes.Violations(CSharp(string.Join('\n', Enumerable.Repeat("// line", 400)) + "\n")));
    }

    [Fact]
    public void A_type_of_more_than_600_lines_in_two_files_is_seen_and_two_types_are_not()
    {
        static SourceFile Part(string type) =>
            CSharp($"namespace N; partial class {type}\n{{\n{string.Concat(Enumerable.Repeat("// line\n", 300))}}}");

        Assert.Contains("N.A", Assert.Single(Sizes.Violations([Part("A"), Part("A")])), StringComparison.Ordinal);
        Assert.Empty(Sizes.Violations([Part("A"), Part("B")]));
    }

    [Fact]
    public void A_document_that_names_a_type_that_is_gone_is_seen()
    {
        SourceFile[] sources = [CSharp("class RaftThing { void DoIt() { } }")];

        Assert.Single(DocumentedNames.Violations([new("docs/a.md", "See `RaftGone`.")], sources));
        Assert.Empty(DocumentedNames.Violations([new("docs/a.md", "See `RaftThing.DoIt`, `GET /v1`.")], sources));
    }

    [Theory]
    [InlineData("class A {{ void Long() {{\n{0}}} }}", "Long")]
    [InlineData("class A {{ A() {{\n{0}}} }}", "ConstructorDeclaration")]
    [InlineData("class A {{ int P {{ get {{\n{0}return 1; }} }} }}", "get")]
    [InlineData("class A {{ void M() {{ void Inner() {{\n{0}}} }} }}", "Inner")]
    [InlineData("{0}return 0;", "the program")]
    public void A_function_of_more_than_60_lines_is_seen(string shape, string name)
    {
        var tooLong = string.Format(shape, string.Concat(Enumerable.Repeat("F();\n", 61)));
        Assert.Contains(
            Sizes.Violations(CSharp(tooLong)),
            violation => violation.Contains(name, StringComparison.Ordinal)
        );
        var short_ = string.Format(shape, string.Concat(Enumerable.Repeat("F();\n", 50)));
        Assert.Empty(Sizes.Violations(CSharp(short_)));
    }

    [Theory]
    [InlineData("// " + Later + ": later")]
    [InlineData("// " + Repair)]
    [InlineData("class A { void M() => throw new NotImplementedException(); }")]
    [InlineData("class A { [Fact(Skip = \"flaky\")] public void M() { } }")]
    [InlineData("class A { [Fact(SkipUnless = nameof(Linux))] public void M() { } }")]
    [InlineData("class A { void M() => Assert.Skip(\"not here\"); }")]
    public void Unfinished_work_is_seen(string source) => Assert.Single(Finished.Violations(CSharp(source)));

    [Fact]
    public void Work_promised_in_a_document_is_seen()
    {
        Assert.Single(Finished.Violations(new SourceFile("docs/rest.md", $"Errors: {Later}")));
        Assert.Empty(Finished.Violations(new SourceFile("docs/rest.md", "Skip = 3 items")));
    }

    [Fact]
    public void Skipping_items_of_a_sequence_is_not_skipping_a_test() =>
        Assert.Empty(Finished.Violations(CSharp("class A { int M(int[] x) => x.Skip(1).First(); }")));

    [Theory]
    [InlineData("Thread.Sleep(100);")]
    [InlineData("await Task.Delay(100);")]
    [InlineData("await System.Threading.Tasks.Task.Delay(TimeSpan.FromSeconds(1), token);")]
    [InlineData("foreach (var x in xs) { Use(x); await Task.Delay(1); }")]
    [InlineData("for (var i = 0; i < 10; i++) await Task.Delay(10);")]
    public void A_fixed_sleep_in_a_test_is_seen(string statement) => Assert.Single(Waits.Violations(Test(statement)));

    [Theory]
    [InlineData("while (!await Ready()) await Task.Delay(20);")]
    [InlineData("for (; ; ) { if (Ready()) return; await Task.Delay(20); }")]
    [InlineData("await Task.Delay(Timeout.Infinite, token);")]
    [InlineData("await Task.Delay(TimeSpan.FromSeconds(3), time);")]
    [InlineData("await Task.WhenAny(done, Task.Delay(1000));")]
    public void A_poll_a_deadline_and_an_injected_clock_are_not_fixed_sleeps(string statement) =>
        Assert.Empty(Waits.Violations(Test(statement)));

    [Theory]
    [InlineData("work")]
    [InlineData("root")]
    [InlineData("home/someone")]
    public void A_path_of_a_machine_is_seen(string folder)
    {
        Assert.Single(MachinePaths.Violations(CSharp($"var path = \"/{folder}/repo\";")));
        Assert.Empty(MachinePaths.Violations(CSharp($"var path = \"data/{folder}/repo\";")));
    }

    [Theory]
    [InlineData("<PackageVersion Include=\"A\" Version=\"1.*\" />", "A 1.* is not one exact version")]
    [InlineData("<PackageVersion Include=\"A\" Version=\"[1.0,2.0)\" />", "is not one exact version")]
    [InlineData("<PackageVersion Include=\"B\" Version=\"1.0.0\" />", "A is not pinned centrally")]
    public void A_package_without_one_exact_central_version_is_seen(string pin, string expected)
    {
        var project = new SourceFile("P/P.csproj", "<Project><PackageReference Include=\"A\" /></Project>");
        var central = new SourceFile("Directory.Packages.props", $"<Project>{pin}</Project>");
        Assert.Contains(
            Packages.Violations(central, [project], _ => true),
            violation => violation.Contains(expected, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_version_in_a_project_and_a_missing_lock_file_are_seen()
    {
        var central = new SourceFile(
            "Directory.Packages.props",
            "<Project><PackageVersion Include=\"A\" Version=\"1.0.0\" /></Project>"
        );
        var plain = new SourceFile("P/P.csproj", "<Project><PackageReference Include=\"A\" /></Project>");
        var own = plain with { Text = "<Project><PackageReference Include=\"A\" Version=\"2.0.0\" /></Project>" };
        Assert.Empty(Packages.Violations(central, [plain], _ => true));
        Assert.Equal(["P/P.csproj: A brings its own version"], Packages.Violations(central, [own], _ => true));
        Assert.Equal(
            ["P/P.csproj: P/packages.lock.json is missing"],
            Packages.Violations(central, [plain], path => path != "P/packages.lock.json")
        );
    }

    [Fact]
    public void A_list_that_lacks_a_banned_api_and_a_project_without_the_list_are_seen()
    {
        var list = Repository.Read("BannedSymbols.txt");
        var shorter = list with { Text = list.Text.Replace("P:System.DateTime.UtcNow;", "", StringComparison.Ordinal) };
        Assert.Equal(["BannedSymbols.txt does not ban P:System.DateTime.UtcNow"], BannedApis.Missing(shorter));
        Assert.Single(BannedApis.Unwired(new SourceFile("P/P.csproj", "<Project />")));
        Assert.Single(
            BannedApis.Unwired(
                new SourceFile(
                    "P/P.csproj",
                    "<Project><NoWarn>RS0030</NoWarn><AdditionalFiles Include=\"../BannedSymbols.txt\" /></Project>"
                )
            )
        );
    }

    [Theory]
    [InlineData("#pragma warning disable")]
    [InlineData("#pragma warning disable CA1000")]
    [InlineData("[SuppressMessage(\"Design\", \"CA1000\")] class A;")]
    [InlineData("[SuppressMessage(\"Design\", \"CA1000\", Justification = \"\")] class A;")]
    public void A_suppression_without_rule_or_reason_is_seen(string source) =>
        Assert.Single(Suppressions.Violations(CSharp(source)));

    [Theory]
    [InlineData("#pragma warning disable CA1000 // the type is the cache")]
    [InlineData("// The type is the cache.\n#pragma warning disable CA1000")]
    [InlineData("[SuppressMessage(\"Design\", \"CA1000\", Justification = \"the type is the cache\")] class A;")]
    public void A_suppression_with_its_reason_is_accepted(string source) =>
        Assert.Empty(Suppressions.Violations(CSharp(source)));

    [Theory]
    [InlineData("# Exapyte\n")]
    [InlineData("# Exapyte\n```\ndotnet run --project Exapyte.Silo\n```\n")]
    [InlineData("# Exapyte\n```\nmake\nmake install\n```\n")]
    public void A_readme_that_does_not_open_with_the_two_commands_is_seen(string text) =>
        Assert.NotEmpty(Readme.Violations(new SourceFile("README.md", text)));

    [Fact]
    public void A_readme_that_opens_with_the_two_commands_is_accepted() =>
        Assert.Empty(
            Readme.Violations(
                new SourceFile(
                    "README.md",
                    "# Exapyte\nWords.\n```sh\ndotnet run -c Release --project Exapyte.Silo\n"
                        + "curl -X PUT localhost:8080/v1/keyspaces/demo/entries/a \\\n  -d hello\n```\n"
                )
            )
        );

    static SourceFile CSharp(string text) => new("Some/File.cs", text);

    static SourceFile Test(string statement) =>
        new("tests/Some/FileTests.cs", $"class A {{ async Task M() {{ {statement} }} }}");
}
