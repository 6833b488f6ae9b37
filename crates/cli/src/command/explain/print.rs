//! The explanation for people.

use anyhow::Result;
use owo_colors::OwoColorize;

use super::answer::{Answer, FoundRule, Near, Run, Verdict};
use crate::{command::why, output};

pub(super) fn print(answer: &Answer) -> Result<()> {
    rule(&answer.rule)?;
    nearest(&answer.nearest, matches!(answer.rule, FoundRule::Rule { .. }))?;
    if !answer.steps.is_empty() {
        output::line("\nSteps")?;
        answer.steps.iter().try_for_each(step)?;
    }
    if let Some(htu) = &answer.expected_htu {
        output::line(output::harmless(&format!("\nExpected htu   {htu}")))?;
    }
    if let Some(proof) = &answer.proof {
        let nonce = if proof.nonce_required { ", with a nonce of the gateway" } else { "" };
        let (mode, age, algorithms) = (proof.mode, proof.max_age_seconds, proof.algorithms.join(" "));
        output::line(format!(
            "Proof          mode {mode}, at most {age} s old{nonce}, signed with one of {algorithms}"
        ))?;
    }
    if let Some(upstream) = &answer.upstream {
        output::line(output::harmless(&format!("Forwarded to   {upstream}")))?;
    }
    if let Some(checks) = &answer.checks {
        output::line("\nThe proof")?;
        why::print_steps(checks)?;
    }
    answer.credentials.as_ref().map_or(Ok(()), verdict)
}

fn rule(rule: &FoundRule) -> Result<()> {
    match rule {
        FoundRule::Rule { id, set, captures } => {
            let set = set.as_ref().map(|set| format!(" ({set})")).unwrap_or_default();
            output::line(output::harmless(&format!("Rule           {id}{set}")))?;
            for (name, value) in captures {
                output::line(output::harmless(&format!("  :{name} = {value}")))?;
            }
            Ok(())
        }
        FoundRule::DefaultRule => output::line("Rule           none matches: the default rule"),
        FoundRule::NoRule { status } => {
            output::line(format!("Rule           none matches, and there is no default rule: {status}"))
        }
        FoundRule::Refused { status, reason } => {
            output::line(output::harmless(&format!("Rule           none is looked for, {reason}: {status}")))
        }
    }
}

fn nearest(nearest: &[Near], has_rule: bool) -> Result<()> {
    if nearest.is_empty() {
        return Ok(());
    }
    output::line(if has_rule { "\nOther rules that come near" } else { "\nRules that come nearest" })?;
    for near in nearest {
        let set = near.set.as_ref().map(|set| format!(" ({set})")).unwrap_or_default();
        let line = format!("  {}{set}: {}", near.id, near.why.join("; "));
        output::line(output::harmless(&line))?;
    }
    Ok(())
}

fn step(step: &Run) -> Result<()> {
    let kind = step.kind.replace('_', " ");
    let mut line = format!("  {kind:<14} {} ({})", step.id, step.type_name);
    if let Some(principal) = step.principal.as_ref().filter(|principal| *principal != "default") {
        line.push_str(&format!(" for the principal {principal}"));
    }
    if let Some(condition) = &step.condition {
        line.push_str(&format!(" if {condition}"));
    }
    output::line(output::harmless(&line))
}

fn verdict(verdict: &Verdict) -> Result<()> {
    match verdict {
        Verdict::Accepted { principals, thumbprint, notices } => {
            let principals: Vec<String> =
                principals.iter().map(|(name, id)| format!("{name} = {id}")).collect();
            let said = output::harmless(&format!("credentials accepted: {}", principals.join(", ")));
            output::line(format_args!("\n{} {said}", "✓".green()))?;
            if let Some(thumbprint) = thumbprint {
                output::line(format!("  proven key {thumbprint}"))?;
            }
            notices.iter().try_for_each(|notice| output::line(output::harmless(&format!("  {notice}"))))
        }
        Verdict::Refused { status, kind, reason, detail, challenge } => {
            let said = output::harmless(&format!("credentials refused: {status} {kind}, {reason}"));
            output::line(format_args!("\n{} {said}", "✗".red()))?;
            output::line(output::harmless(&format!("  {detail}")))?;
            match challenge {
                Some(challenge) => output::line(output::harmless(&format!("  challenge: {challenge}"))),
                None => Ok(()),
            }
        }
    }
}
