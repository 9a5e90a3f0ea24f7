#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <regex>

#include "common/error.h"
#include "launcher/report/html_page.h"
#include "launcher/report/html_text.h"
#include "launcher/report/markdown_page.h"
#include "launcher/report/run_figures.h"
#include "launcher/report/svg_chart.h"
#include "run/status.h"
#include "tests/unit/run/sample_checkpoint.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHostile = "</title><script>alert(1)</script>\"'&";

std::string step_line(int64_t step, double loss) {
  return Json{{"event", "step"},  {"step", step},
              {"loss", loss},     {"seconds", 0.5},
              {"tokens", 100},    {"learning_rate", 1e-3},
              {"grad_norm", 1.0}, {"time", 1.7e9 + static_cast<double>(step)}}
             .dump() +
         "\n";
}

// Of a run that has one set of each kind.
std::string eval_line(int64_t step, const std::string& set, double loss) {
  const Json of_set = {
      {"event", "eval"}, {"step", step}, {"set", set}, {"loss_sum", 10 * loss}, {"targets", 10}};
  const Json of_all = {{"event", set.starts_with("test/") ? "test_loss" : "general_loss"},
                       {"step", step},
                       {"loss", loss},
                       {"data", "d"}};
  return of_set.dump() + "\n" + of_all.dump() + "\n";
}

class RunReport : public ::testing::Test {
 protected:
  RunReport() {
    std::filesystem::create_directories(directory_ / "eval");
    metrics_ = R"({"event":"start","step":0,"time":1.7e9,"ranks":2})"
               "\n";
    metrics_ += eval_line(0, "test/a", 3.0) + eval_line(0, "general/b", 2.0);
    for (int64_t step = 1; step <= 20; ++step)
      metrics_ += step_line(step, 3.0 - 0.1 * static_cast<double>(step));
    metrics_ += eval_line(20, "test/a", 1.5) + eval_line(20, "general/b", 2.1);
    RunStatus status;
    status.state = RunState::kFinished;
    status.step = status.max_steps = 20;
    write_run_status(directory_ / "status.json", status);
  }

  OrderedJson figures() {
    directory_.write("metrics.jsonl", metrics_);
    return run_figures(directory_.path(), {});
  }
  void add_checkpoint(int64_t step) {
    write_checkpoint(directory_ / fmt::format("step-{}", step), step);
  }

  TemporaryDirectory directory_;
  std::string metrics_;
};

TEST_F(RunReport, tells_what_was_learned_and_forgotten) {
  const OrderedJson report = figures();
  EXPECT_EQ(report["held_out"][1]["base"], 3.0);
  EXPECT_EQ(report["held_out"][1]["loss"], 1.5);
  EXPECT_NEAR(report["held_out"][0]["change"].get<double>(), 0.05, 1e-12);
  EXPECT_EQ(report["curves"]["train_loss"].size(), 20u);
  EXPECT_EQ(report["run"]["tokens"], 2000);
  const std::string page = html_page(report);
  EXPECT_THAT(page, HasSubstr("Learned: the test loss went from 3.0000 (base) to 1.5000"));
  EXPECT_THAT(page, HasSubstr("+5.0 %"));
  EXPECT_THAT(page, Not(HasSubstr("http-equiv=\"refresh\"")));
  EXPECT_THAT(html_page(report, 10), HasSubstr("content=\"10\""));
  EXPECT_THAT(markdown_page(report), HasSubstr("| test/a |"));
}

TEST_F(RunReport, tells_bits_per_byte_where_the_bytes_are_known) {
  EXPECT_TRUE(figures()["held_out"][1]["bits_per_byte"].is_null());
  metrics_ +=
      Json{{"event", "eval"}, {"step", 20}, {"set", "test/a"}, {"loss_sum", 16 * std::log(2.0)},
           {"targets", 10},   {"bytes", 32}}
          .dump() +
      "\n";
  EXPECT_DOUBLE_EQ(figures()["held_out"][1]["bits_per_byte"], 0.5);
}

TEST_F(RunReport, judges_no_checkpoint_by_the_evaluation_of_another) {
  directory_.write("eval/step-10.json",
                   R"({"step": 10, "sets": [], "base": {}, "memorisation": {"memorises": true,
                       "verdict": "It has memorised."}})");
  const OrderedJson report = figures();
  const std::string page = html_page(report);
  EXPECT_THAT(page, HasSubstr("temper eval has measured step 10, which is not the run&#39;s best"));
  EXPECT_THAT(page, HasSubstr("Step 10: It has memorised."));
  EXPECT_NE(report["verdict"]["level"], "bad");
}

TEST_F(RunReport, shows_what_shares_of_the_adapter_would_forget) {
  std::filesystem::create_directories(directory_ / "step-20");
  directory_.write("eval/step-20.lora-scale.json",
                   R"({"scale": 0.5, "max_forgetting": 0.02, "curve": [
                       {"scale": 0.0, "test_loss": 3.0, "general_loss": 2.0, "rise": 0.0},
                       {"scale": 0.5, "test_loss": 2.0, "general_loss": 2.02, "rise": 0.01},
                       {"scale": 1.0, "test_loss": 1.5, "general_loss": 2.1, "rise": 0.05}]})");
  const std::string page = html_page(figures());
  EXPECT_THAT(page, HasSubstr("a share of 0.5 is the best within the budget: test loss 2.0000"));
  EXPECT_THAT(page, HasSubstr("0.5 of it: chosen"));
  directory_.write("eval/step-20.lora-scale.json", R"({"scale": "x", "curve": [1, {}, null]})");
  EXPECT_THAT(html_page(figures()), Not(HasSubstr("a share of")));
  directory_.write("eval/step-20.lora-scale.json", "{");
  EXPECT_THAT(figures()["gaps"].dump(), HasSubstr("lora-scale.json"));
}

TEST_F(RunReport, names_the_best_of_several_runs) {
  TemporaryDirectory other;
  other.write("metrics.jsonl", eval_line(0, "test/a", 3.0) + eval_line(0, "general/b", 2.0) +
                                   step_line(1, 1.0) + eval_line(1, "test/a", 1.2) +
                                   eval_line(1, "general/b", 2.2));
  directory_.write("metrics.jsonl", metrics_);
  const OrderedJson report = run_figures(directory_.path(), {.others = {other.path()}});
  EXPECT_THAT(html_page(report),
              HasSubstr(fmt::format("Of the 2 runs compared, {} has the lowest test loss: 1.2000 "
                                    "at step 1, the general loss +10.0 %",
                                    other.path().filename().string())));
}

TEST_F(RunReport, answers_that_tell_nothing_do_not_spoil_the_verdict) {
  directory_.write("run.yaml",
                   "base_model: m\ndatasets: [{path: d.h5}]\noutput_dir: o\neval_steps: 1\n"
                   "general_datasets: [{path: g.h5}]\n");
  const std::string level = figures()["verdict"]["level"];
  directory_.write("eval/step-20.json",
                   R"({"comparison": [{"name": "exact match", "difference": 0.0, "low": 0.0,
                       "high": 0.0}]})");
  EXPECT_THAT(html_page(figures()), HasSubstr("no difference can be told"));
  EXPECT_EQ(figures()["verdict"]["level"], level);
}

TEST_F(RunReport, shows_base_tuned_and_their_difference_and_of_how_much) {
  directory_.write("eval/step-20.json", R"({"step": 20, "limit": 7,
      "sets": [{"name": "test/a", "loss": 1.5, "bits_per_byte": 0.5}],
      "answers": {"scores": [{"name": "token F1", "value": 0.5, "low": 0.4, "high": 0.6}]},
      "base": {"sets": [{"name": "test/a", "loss": 3.0, "bits_per_byte": 1.0}],
               "answers": {"scores": [{"name": "token F1", "value": 0.25, "low": 0.2, "high": 0.3}]}},
      "comparison": [{"name": "token F1", "difference": 0.25, "low": 0.1, "high": 0.4}]})");
  const std::string page = markdown_page(figures());
  EXPECT_THAT(page, HasSubstr("Base and tuned model at step 20, over the first 7 rows"));
  EXPECT_THAT(page, HasSubstr("| 1.5000 | 3.0000 | -50.0 % |"));
  EXPECT_THAT(page, HasSubstr("| 0.500 (0.400 to 0.600) | 0.250 (0.200 to 0.300) | "
                              "+0.250 (+0.100 to +0.400) |"));
}

TEST_F(RunReport, the_time_line_has_what_changed_the_course) {
  metrics_ += R"({"event":"memory_plan","step":20,"time":1.7e9})"
              "\n"
              R"({"event":"save_failed","step":20,"time":1.7e9,"error":"full"})"
              "\n";
  const OrderedJson timeline = figures()["timeline"];
  ASSERT_EQ(timeline.size(), 2u);
  EXPECT_EQ(timeline[1]["event"], "save_failed");
  EXPECT_THAT(html_page(figures()), HasSubstr("save failed"));
}

TEST_F(RunReport, topics_of_two_sets_are_told_apart) {
  directory_.write("eval/step-20.json",
                   R"({"step": 20, "sets": [
                       {"name": "test/a", "topics": [{"topic": "dose", "loss": 1.0}]},
                       {"name": "test/b", "topics": [{"topic": "dose", "loss": 2.0}]}]})");
  const std::string page = html_page(figures());
  EXPECT_THAT(page, HasSubstr("dose, test/a"));
  EXPECT_THAT(page, HasSubstr("dose, test/b"));
}

TEST_F(RunReport, takes_an_evaluation_whose_topic_has_no_loss) {
  directory_.write("eval/step-20.json", R"({"step": 20, "sets": [{"name": "test/a", "topics": [
                       {"topic": "dose", "loss": 1.0}, {"topic": "side effect"}]}]})");
  EXPECT_THAT(html_page(figures()), HasSubstr("side effect"));
}

TEST_F(RunReport, keeps_the_base_when_no_checkpoint_beats_it) {
  metrics_ = eval_line(0, "test/a", 3.2) + eval_line(2, "test/a", 4.17) + step_line(2, 1.0) +
             eval_line(4, "test/a", 5.52);
  add_checkpoint(2);
  add_checkpoint(4);
  const OrderedJson report = figures();
  const char* kSentence =
      "Keep the base: no checkpoint has a lower test loss (3.2000 at step 0, best 4.1700 at step "
      "2)";
  EXPECT_EQ(report["verdict"]["headline"], kSentence);
  EXPECT_EQ(report["verdict"]["level"], "bad");
  EXPECT_TRUE(report["verdict"]["checkpoint"].is_null());
  EXPECT_EQ(report["verdict"]["recommendation"]["action"], "keep");
  EXPECT_EQ(report["verdict"]["recommendation"]["step"], 2);
  for (const std::string& page : {html_page(report), markdown_page(report)}) {
    EXPECT_THAT(page, HasSubstr("Keep the base: no checkpoint has a lower test loss (3.2000"));
    EXPECT_THAT(page, HasSubstr("Nothing was learned that the test sets ask for"));
    EXPECT_THAT(page, Not(HasSubstr("Use step-")));
  }
}

TEST_F(RunReport, uses_the_best_checkpoint_and_not_the_newest) {
  metrics_ = eval_line(0, "test/a", 4.0) + eval_line(2, "test/a", 3.0) + step_line(2, 1.0) +
             eval_line(4, "test/a", 5.0);
  add_checkpoint(2);
  add_checkpoint(4);
  const OrderedJson report = figures();
  EXPECT_EQ(report["verdict"]["headline"], "Use step-2: test loss -25.0 %");
  EXPECT_EQ(report["verdict"]["checkpoint"], (directory_ / "step-2").string());
  EXPECT_EQ(report["held_out"][0]["step"], 2);
}

TEST_F(RunReport, names_none_of_several_runs_that_learned_nothing) {
  TemporaryDirectory other;
  other.write("metrics.jsonl", eval_line(0, "test/a", 3.0) + eval_line(0, "general/b", 2.0) +
                                   step_line(1, 1.0) + eval_line(1, "test/a", 3.1) +
                                   eval_line(1, "general/b", 2.2));
  write_checkpoint(other / "step-1", 1);
  const OrderedJson report = run_figures(other.path(), {.others = {other.path()}});
  EXPECT_THAT(html_page(report), HasSubstr("None of the 2 runs compared has a lower test loss"));
  EXPECT_EQ(report["forgetting"]["runs"][1]["action"], "keep");
  EXPECT_THAT(markdown_page(report), HasSubstr("| +10.0 % | no |"));
}

TEST_F(RunReport, names_no_checkpoint_that_is_over_the_budget) {
  add_checkpoint(20);
  directory_.write("run.yaml",
                   "base_model: m\ndatasets: [{path: d.h5}]\nmax_forgetting: 0.02\n"
                   "general_datasets: [{path: g.h5}]\neval_steps: 1\noutput_dir: o\n");
  const OrderedJson report = figures();
  EXPECT_EQ(report["verdict"]["level"], "bad");
  EXPECT_TRUE(report["verdict"]["checkpoint"].is_null());
  EXPECT_THAT(report["verdict"]["headline"].get<std::string>(),
              HasSubstr("Keep the base: no checkpoint is within the forgetting budget of 2.0 %"));
}

TEST_F(RunReport, states_a_gap_where_the_metrics_are_cut_off) {
  metrics_.resize(metrics_.size() - 20);
  const OrderedJson report = figures();
  ASSERT_FALSE(report["gaps"].empty());
  EXPECT_THAT(html_page(report), HasSubstr("1 line could not be read"));
  EXPECT_THAT(html_page(report), HasSubstr("ends in the middle of a line"));
}

TEST_F(RunReport, shows_hostile_content_as_text) {
  metrics_ += eval_line(20, std::string("test/") + kHostile, 1.0) +
              eval_line(0, std::string("test/") + kHostile, 2.0);
  metrics_ +=
      Json{{"event", kHostile}, {"step", 20}, {"error", kHostile}, {"time", 1e300}}.dump() + "\n";
  directory_.write("run.yaml", std::string("# ") + kHostile + "\n");
  const std::string page = html_page(figures());
  EXPECT_THAT(page, HasSubstr("&lt;/title&gt;&lt;script&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
  EXPECT_THAT(markdown_page(figures()), Not(HasSubstr("<script")));
}

TEST_F(RunReport, asks_nothing_of_the_network) {
  const std::string page = html_page(figures());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  EXPECT_FALSE(std::regex_search(page, std::regex("(src|href)=\"[^d]"))) << "only data:";
  EXPECT_THAT(page, Not(HasSubstr("http:")));
  EXPECT_THAT(page, Not(HasSubstr("https:")));
}

TEST_F(RunReport, thins_long_curves_to_their_means) {
  for (int64_t step = 21; step <= 4000; ++step)
    metrics_ += step_line(step, step % 2 == 0 ? 1.0 : 3.0);
  const OrderedJson report = figures();
  const OrderedJson& curve = report["curves"]["train_loss"];
  EXPECT_LE(curve.size(), 400u);
  EXPECT_EQ(curve[100][1], 2.0);
}

TEST_F(RunReport, refuses_what_is_no_run) {
  const TemporaryDirectory empty;
  EXPECT_THROW(run_figures(empty.path(), {}), UserError);
}

TEST(RoundTicks, are_round_and_few) {
  EXPECT_THAT(round_ticks(0.0, 10.0), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(round_ticks(-0.13, 0.11), ElementsAre(-0.1, -0.05, 0, 0.05, 0.1));
  EXPECT_TRUE(round_ticks(1.0, 1.0).empty());
  EXPECT_LE(round_ticks(1e-9, 1e9).size(), 12u);
}

TEST(HtmlText, leaves_no_markup_and_no_invalid_bytes) {
  EXPECT_EQ(html_text("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(html_text(std::string("x\0y\xFF", 4)), "x\xEF\xBF\xBDy\xEF\xBF\xBD");
}

TEST(LineCharts, close_ticks_have_labels_of_their_own) {
  const std::string close =
      draw_lines({.title = "t", .lines = {{.label = "l", .points = {{1, 158.62}, {2, 158.69}}}}});
  EXPECT_THAT(close, HasSubstr(">158.64<"));
  EXPECT_THAT(close, HasSubstr(">158.66<"));
}

TEST(LineCharts, small_ticks_are_short_and_the_range_may_be_wider_than_the_points) {
  const std::string chart = draw_lines({.title = "t",
                                        .lines = {{.label = "l", .points = {{1, 2e-4}, {3, 8e-4}}}},
                                        .x_range = std::pair{0.0, 80.0}});
  EXPECT_THAT(chart, HasSubstr(">2e-4<"));
  EXPECT_THAT(chart, HasSubstr(">60<"));
}

TEST(LineCharts, without_a_number_are_left_out) {
  EXPECT_EQ(draw_lines({.title = "t", .lines = {{.label = "l", .points = {}}}}), "");
  const std::string one = draw_lines(
      {.title = "t", .lines = {{.label = "l", .points = {{1, 2}}, .has_markers = true}}});
  EXPECT_THAT(one, HasSubstr("<circle"));
  EXPECT_THAT(one, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace temper
