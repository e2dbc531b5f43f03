using Exapyte.House.Tests.Rules;
using Xunit;

namespace Exapyte.House.Tests;

/// <summary>The rules of the house, held against its own sources. What each rule refuses is in the planted tests.</summary>
public sealed class HouseRulesTests
{
    [Fact]
    public void Project_references_follow_the_declared_arrows() => None(Arrows.Violations(Repository.ProjectFiles));

    [Fact]
    public void Compiled_houses_use_only_what_their_arrows_reach() =>
        None(Arrows.Houses.SelectMany(ViolationsOfAssembly));

    [Fact]
    public void Files_and_functions_fit_on_a_screen() => None(Repository.CSharpFiles.SelectMany(Sizes.Violations));

    [Fact]
    public void A_type_fits_into_six_hundred_lines_over_all_its_files() =>
        None(Sizes.Violations(Repository.CSharpFiles));

    [Fact]
    public void Documents_name_only_what_there_is() =>
        None(DocumentedNames.Violations(Repository.TextFiles, Repository.CSharpFiles));

    [Fact]
    public void Nothing_is_left_unfinished_and_no_test_is_skipped() =>
        None(Repository.TextFiles.Where(file => !IsLockFile(file)).SelectMany(Finished.Violations));

    [Fact]
    public void No_test_waits_a_fixed_span() => None(Repository.CSharpFiles.SelectMany(Waits.Violations));

    [Fact]
    public void No_file_names_a_folder_of_a_machine() =>
        None(Repository.TextFiles.Where(file => !IsLockFile(file)).SelectMany(MachinePaths.Violations));

    [Fact]
    public void Every_package_has_one_exact_version_and_every_project_its_lock_file() =>
        None(
            Packages.Violations(Repository.Read("Directory.Packages.props"), Repository.ProjectFiles, Repository.Exists)
        );

    [Fact]
    public void Banned_apis_are_listed() =>
        None(
            new[] { "BannedSymbols.txt", "Exapyte.Raft/BannedSymbols.txt" }
                .Select(Repository.Read)
                .SelectMany(BannedApis.Missing)
        );

    [Fact]
    public void Banned_apis_are_enforced_in_every_house()
    {
        None(Repository.ProjectFiles.Where(IsProduct).SelectMany(BannedApis.Unwired));
        Assert.Contains(BannedApis.Analyzer, Repository.Read("Directory.Build.props").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_suppression_names_its_rule_and_its_reason() =>
        None(Repository.CSharpFiles.SelectMany(Suppressions.Violations));

    [Fact]
    public void The_readme_opens_with_the_two_commands() => None(Readme.Violations(Repository.Read("README.md")));

    [Fact]
    public void Every_project_is_part_of_the_solution()
    {
        var solution = Repository.Read("Exapyte.sln").Text.Replace('\\', '/');
        None(
            Repository
                .ProjectFiles.Select(project => project.Path)
                .Where(path => !solution.Contains($"\"{path}\"", StringComparison.Ordinal))
        );
    }

    static IEnumerable<string> ViolationsOfAssembly(string house)
    {
        using var assembly = File.OpenRead(Path.Combine(AppContext.BaseDirectory, house + ".dll"));
        return Arrows.Violations(house, Arrows.ReferencedAssemblies(assembly)).ToList();
    }

    static bool IsProduct(SourceFile project) => Arrows.Houses.Contains(project.NameWithoutExtension);

    static bool IsLockFile(SourceFile file) => file.Path.EndsWith("packages.lock.json", StringComparison.Ordinal);

    static void None(IEnumerable<string> violations)
    {
        var found = violations.ToList();
        Assert.True(found.Count == 0, string.Join('\n', found));
    }
}
